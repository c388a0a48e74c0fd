"""Several inputs and outputs: which loss, weight and metric goes where, and what it is called."""

import numpy as np
import pytest

import lamina
from lamina import layers


@pytest.fixture(scope="module")
def pairs():
    draw = np.random.default_rng(2)
    a, b = draw.normal(size=(22, 3)), draw.normal(size=(22, 2))
    return [a.astype("float32"), b.astype("float32")]


@pytest.fixture(scope="module")
def answers(people):
    size = np.random.default_rng(3).normal(size=(22, 1)).astype("float32")
    return [people.y, size]


def model_of(form, **options):
    """Two inputs 'a' and 'b', outputs 'kind' (softmax, 2) and 'size' (1), all weights 0.1."""
    a, b = lamina.Input((3,), name="a"), lamina.Input((2,), name="b")
    shared = layers.Dense(4, activation="tanh", name="shared", kernel_initializer="ones")
    left = shared(layers.Dense(2, name="in_a")(a))
    right = shared(layers.Dense(2, name="in_b")(b))
    kind = layers.Dense(2, activation="softmax", name="kind")(left)
    size = layers.Dense(1, name="size")(right)
    outputs = {"list": [kind, size], "dict": {"z_kind": kind, "a_size": size}}[form]
    model = lamina.Model([a, b], outputs)
    model.set_weights([np.full(w.shape, 0.1) for w in model.weights])
    model.compile(lamina.optimizers.SGD(0.0), **options)
    return model


CE, MSE, MAE = "categorical_crossentropy", "mse", "mae"


def expected(model, pairs, answers, weight=(1, 1)):
    """(crossentropy, mse, mae) of the two outputs, by hand."""
    kind, size = (np.asarray(t) for t in lamina._core.tree.flatten(model(pairs)))
    if kind.shape[-1] == 1:  # dictionaries are walked by key: a_size comes first
        kind, size = size, kind
    ce = -np.log((kind * answers[0]).sum(1)) * weight[0]
    error = (size - answers[1])[:, 0]
    return np.mean(ce), np.mean(error**2 * weight[1]), np.mean(np.abs(error))


@pytest.mark.parametrize(
    ("loss", "metrics", "names"),
    [
        ([CE, MSE], None, "loss kind_loss size_loss"),
        ({"size": MSE, "kind": CE}, None, "loss kind_loss size_loss"),
        ([CE, MSE], ["accuracy", "mae"], "loss kind_loss size_loss kind_accuracy size_mae"),
        ([CE, MSE], [None, ["mae", "mse"]], "loss kind_loss size_loss size_mae size_mse"),
        ([CE, MSE], {"size": "mae"}, "loss kind_loss size_loss size_mae"),
        ([CE, None], {"size": ["mae"]}, "loss size_mae"),
        ({"kind": CE}, None, "loss"),
        (MSE, ["mae"], "loss kind_loss size_loss kind_mae size_mae"),
        ([CE, MSE], [["acc", "acc"], []], "loss kind_loss size_loss kind_acc kind_acc_1"),
    ],
)
def test_names_and_order_of_what_evaluate_returns(pairs, answers, loss, metrics, names):
    model = model_of("list", loss=loss, metrics=metrics)
    logs = model.evaluate(pairs, answers, verbose=0, return_dict=True)
    values = model.evaluate(pairs, answers, verbose=0)
    assert model.metrics_names == names.split()
    assert sorted(logs) == sorted(names.split())
    wanted = [logs[name] for name in names.split()]
    assert values == (wanted if len(wanted) > 1 else wanted[0])


def test_values(pairs, answers):
    model = model_of("list", loss=[CE, MSE], loss_weights=[0.5, 2.0], metrics=[[], ["mae"]])
    ce, mse, mae = expected(model, pairs, answers)
    logs = model.evaluate(pairs, answers, verbose=0, batch_size=5, return_dict=True)
    # Keras shows the outputs' losses without their weights
    wanted = {"loss": 0.5 * ce + 2 * mse, "kind_loss": ce, "size_loss": mse, "size_mae": mae}
    assert logs == pytest.approx(wanted, rel=1e-5)
    history = model.fit(pairs, answers, verbose=0, batch_size=5).history
    assert {k: v[0] for k, v in history.items()} == pytest.approx(wanted, rel=1e-5)


def test_outputs_in_a_dictionary(pairs, answers):
    kind, size = answers
    losses = {"z_kind": CE, "a_size": MSE}
    model = model_of("dict", loss=losses, loss_weights={"a_size": 3.0}, metrics={"a_size": [MAE]})
    ce, mse, mae = expected(model, pairs, answers)
    y = {"a_size": size, "z_kind": kind}
    logs = model.evaluate(pairs, y, verbose=0, return_dict=True)
    assert logs == pytest.approx(
        {"loss": ce + 3 * mse, "z_kind_loss": ce, "a_size_loss": mse, "a_size_mae": mae}, rel=1e-5
    )
    assert model.evaluate(pairs, y, verbose=0)[1] == pytest.approx(ce)  # in the order of `loss`
    outputs = model.predict(pairs, verbose=0)
    assert {k: v.shape for k, v in outputs.items()} == {"a_size": (22, 1), "z_kind": (22, 2)}


@pytest.mark.parametrize("inputs", ["list", "dict", "more keys"])
@pytest.mark.parametrize("labels", ["list", "dict"])
def test_data_in_lists_and_dictionaries(pairs, answers, inputs, labels):
    model = model_of("list", loss=[CE, MSE])
    wanted = model.evaluate(pairs, answers, verbose=0)
    x = pairs if inputs == "list" else dict(zip("ab", pairs, strict=True))
    if inputs == "more keys":
        x["id"] = np.arange(22)
    y = answers if labels == "list" else dict(zip(("kind", "size"), answers, strict=True))
    assert model.evaluate(x, y, verbose=0) == pytest.approx(wanted)
    assert model.fit(x, y, verbose=0).history["loss"] == pytest.approx([wanted[0]])


@pytest.mark.parametrize("form", ["one", "list", "dict"])
def test_sample_weights(pairs, answers, form):
    draw = np.random.default_rng(5)
    first, second = draw.uniform(size=(2, 22)).astype("float32")
    second = first if form == "one" else second
    model = model_of("list", loss=[CE, MSE], metrics=[[], ["mae"]], weighted_metrics=[[], ["mse"]])
    given = {"one": first, "list": [first, second], "dict": {"kind": first, "size": second}}[form]
    ce, mse, mae = expected(model, pairs, answers, (first, second))
    logs = model.evaluate(pairs, answers, sample_weight=given, verbose=0, return_dict=True)
    assert logs["kind_loss"] == pytest.approx(ce, rel=1e-5)
    assert logs["size_loss"] == pytest.approx(mse, rel=1e-5)
    assert logs["size_mae"] == pytest.approx(mae, rel=1e-5)  # not a weighted metric
    assert logs["size_mse"] == pytest.approx(mse * 22 / second.sum(), rel=1e-5)


@pytest.mark.parametrize("form", ["dict", "list", "on batch"])
def test_class_weight_of_one_of_several_outputs(pairs, answers, form):
    weight = np.where(answers[0].argmax(1) == 1, 5.0, 1.0)
    model = model_of("list", loss=[CE, MSE], weighted_metrics=[["mae"], ["mae"]])
    ce, mse, mae = expected(model, pairs, answers, (weight, 1))
    given = [{1: 5.0}, None] if form == "list" else {"kind": {1: 5.0}}
    if form == "on batch":
        logs = model.train_on_batch(pairs, answers, class_weight=given, return_dict=True)
    else:
        history = model.fit(pairs, answers, class_weight=given, batch_size=22, verbose=0).history
        logs = {name: values[0] for name, values in history.items()}
    wanted = {"kind_loss": ce, "size_loss": mse, "size_mae": mae}
    assert {name: logs[name] for name in wanted} == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(
    "given", [{0: 1.0}, {"kinds": {0: 1.0}}, {"kind": 2.0}, [{0: 1.0}], "balanced"]
)
def test_class_weight_that_names_no_output_is_refused(pairs, answers, given):
    model = model_of("list", loss=[CE, MSE])
    with pytest.raises(ValueError, match=r"(?s)class_weight: expected a dictionary.*Got .*Help: "):
        model.fit(pairs, answers, class_weight=given, verbose=0)


def test_what_does_not_fit_the_outputs_is_refused(pairs, answers):
    def refused(pattern, y=answers, **options):
        model = model_of("list", **{"loss": [CE, MSE], **options})
        with pytest.raises(ValueError, match=rf"(?s){pattern}.*Got .*Help: "):
            model.fit(pairs, y, verbose=0)

    refused("2 entries in `loss`", loss=[CE, MSE, MSE])
    refused("names of outputs in `loss`", loss={"kind": CE, "sizes": MSE})
    refused("2 entries in `metrics`", metrics=[lamina.metrics.MeanSquaredError()])
    refused("2 arrays in `y`", y=answers[:1])
    refused("one-hot labels", y=answers[::-1])
    refused("same number of samples", y=[answers[0], answers[1][:5]])


def test_a_metric_object_keeps_its_name_and_state(people, net):
    metric = lamina.metrics.CategoricalAccuracy(name="share")
    model = net(metrics=[metric, "accuracy"])
    logs = model.evaluate(people.x, people.y, verbose=0, return_dict=True)
    assert set(logs) == {"loss", "share", "accuracy"}
    assert logs["share"] == logs["accuracy"] == pytest.approx(float(metric.result()))


@pytest.mark.parametrize(
    ("labels", "outputs", "kind"),
    [
        ("y", 2, "CategoricalAccuracy"),
        ("number", 2, "SparseCategoricalAccuracy"),
        ("number", 1, "BinaryAccuracy"),
    ],
)
def test_accuracy_means_what_fits_the_labels(people, labels, outputs, kind):
    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(outputs, activation="sigmoid")])
    loss = "mse" if labels == "y" or outputs == 1 else "sparse_categorical_crossentropy"
    model.compile("sgd", loss, metrics=["accuracy", "crossentropy"])
    model.evaluate(people.x, getattr(people, labels), verbose=0)
    names = [type(m).__name__ for m in model.metrics[1:]]
    assert names == [kind, kind.replace("Accuracy", "Crossentropy")]
