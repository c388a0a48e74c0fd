"""Every metric beside real Keras on JAX: three batches, states, weights, masks, configs."""

import warnings

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras.src import backend as keras_backend

from lamina import metrics
from lamina._core.masks import set_mask

N, C, BATCHES = 8, 4, 3


def make_data():
    """Labels and predictions of every kind that metrics take, for all batches in one array."""
    rng = np.random.RandomState(5)
    n = BATCHES * N
    scores = rng.randn(n, C).astype("float32")
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    classes = rng.randint(0, C, n)
    one_hot = np.eye(C, dtype="float32")[classes]
    bits = rng.randint(0, 2, (n, C)).astype("float32")
    numbers = rng.randn(n, C).astype("float32")
    decided = rng.randint(0, C + 1, n)  # one beyond the classes
    # Quarters lie on thresholds, where rounding would show.
    chances = np.round(rng.rand(n, C) * 40).astype("float32") / 40
    return {
        "values": (scores,),
        "numbers": (numbers, numbers + scores),
        "positive": (np.abs(numbers) + 0.1, np.abs(scores)),
        "equal": (classes, decided),
        "probabilities": (one_hot, shares),
        "sparse": (classes, shares),
        "sparse_column": (classes[:, None], shares),
        "ids": (classes, np.argsort(-scores, 1).astype("float32")),
        "bits": (bits, chances),
        "bit": (bits[:, 0], chances[:, 0]),
        "bit_column": (bits[:, 0], chances[:, :1]),
        "bit_logits": (bits, scores),
        "signs": (2 * bits - 1, scores),
        "classes": (classes, decided),
        "images": (rng.randint(0, C, (n, 3)), rng.randint(0, C, (n, 3))),
    }


DATA = make_data()

CASES = [
    ("Sum", {}, "values"),
    ("Mean", {}, "values"),
    ("MeanMetricWrapper", {"fn": "huber", "delta": 0.5}, "numbers"),
    ("MeanSquaredError", {}, "numbers"),
    ("MeanAbsoluteError", {}, "numbers"),
    ("MeanAbsolutePercentageError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("RootMeanSquaredError", {}, "numbers"),
    ("CosineSimilarity", {}, "numbers"),
    ("LogCoshError", {}, "numbers"),
    ("R2Score", {}, "numbers"),
    ("R2Score", {"class_aggregation": None}, "numbers"),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 3}, "numbers"),
    ("PearsonCorrelation", {}, "numbers"),
    ("PearsonCorrelation", {"axis": 0}, "numbers"),
    ("ConcordanceCorrelation", {}, "numbers"),
    ("Hinge", {}, "signs"),
    ("SquaredHinge", {}, "bit_logits"),
    ("CategoricalHinge", {}, "probabilities"),
    ("KLDivergence", {}, "probabilities"),
    ("Poisson", {}, "positive"),
    ("BinaryCrossentropy", {}, "bits"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, "bit_logits"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "probabilities"),
    ("SparseCategoricalCrossentropy", {}, "sparse"),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 1}, "sparse"),
    ("Accuracy", {}, "equal"),
    ("BinaryAccuracy", {}, "bits"),
    ("BinaryAccuracy", {"threshold": 0.3}, "bit_column"),
    ("CategoricalAccuracy", {}, "probabilities"),
    ("SparseCategoricalAccuracy", {}, "sparse"),
    ("SparseCategoricalAccuracy", {}, "sparse_column"),
    ("TopKCategoricalAccuracy", {"k": 2}, "probabilities"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "sparse"),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, "ids"),
    ("TruePositives", {}, "bit"),
    ("FalsePositives", {"thresholds": [0.3, 0.8]}, "bit_column"),
    ("TrueNegatives", {"thresholds": [0.7, 0.3, 0.5]}, "bits"),
    ("FalseNegatives", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, "bits"),
    ("Precision", {}, "bit"),
    ("Precision", {"top_k": 2}, "bits"),
    ("Precision", {"thresholds": [0.25, 0.5]}, "bits"),
    ("Recall", {"thresholds": 0.4, "class_id": 1}, "bits"),
    ("Recall", {"top_k": 2, "class_id": 0}, "bits"),
    ("SensitivityAtSpecificity", {"specificity": 0.4}, "bit"),
    ("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 1}, "bit"),
    ("PrecisionAtRecall", {"recall": 0.3, "class_id": 2, "num_thresholds": 41}, "bits"),
    ("RecallAtPrecision", {"precision": 0.4, "num_thresholds": 2}, "bits"),
    ("AUC", {}, "bit"),
    ("AUC", {"num_thresholds": 41, "summation_method": "majoring"}, "bits"),
    ("AUC", {"curve": "PR"}, "bit_column"),
    ("AUC", {"curve": "PR", "summation_method": "minoring", "from_logits": True}, "bit_logits"),
    ("AUC", {"curve": "PRGAIN", "thresholds": [0.6, 0.2, 0.3]}, "bits"),
    ("AUC", {"multi_label": True, "label_weights": [0.1, 0.2, 0.3, 0.4]}, "bits"),
    ("AUC", {"multi_label": True, "num_labels": C, "thresholds": [0.1, 0.7]}, "bits"),
    ("AUC", {"curve": "PR", "label_weights": [0.1, 0.2, 0.3, 0.4]}, "bits"),
    ("FBetaScore", {"beta": 2.0, "threshold": 0.5}, "bits"),
    ("FBetaScore", {"average": "weighted"}, "probabilities"),
    ("F1Score", {"average": "micro"}, "probabilities"),
    ("F1Score", {"average": "macro", "threshold": 0.25}, "bits"),
    ("IoU", {"num_classes": C, "target_class_ids": [0, 2]}, "classes"),
    ("BinaryIoU", {"threshold": 0.4}, "bits"),
    ("MeanIoU", {"num_classes": C, "ignore_class": 1, "dtype": "float32"}, "images"),
    ("OneHotIoU", {"num_classes": C, "target_class_ids": [1]}, "probabilities"),
    ("OneHotMeanIoU", {"num_classes": C}, "probabilities"),
]  # fmt: skip
IDS = [f"{name}-{data}-{i}" for i, (name, _, data) in enumerate(CASES)]


def make(module, name, kwargs):
    kwargs = dict(kwargs)
    if "fn" in kwargs:
        functions = metrics if module is metrics else keras.losses
        kwargs["fn"] = getattr(functions, kwargs["fn"])
    return getattr(module, name)(**kwargs)


def batches(data):
    for i in range(BATCHES):
        yield tuple(a[i * N : (i + 1) * N] for a in DATA[data])


def weights_for(name, kwargs, data):
    whole = "IoU" in name  # counts in int32
    one = (np.arange(N) % 4) * (1.0 if whole else 0.3)
    one = one.astype("int32" if whole else "float32")
    if kwargs.get("axis") == 0:
        return [None]  # the values are not per sample
    kinds = [None, one]
    shape = DATA[data][-1].shape
    counts = "Positive" in name or "Negative" in name or name in ("Mean", "Sum", "Precision")
    if len(shape) == 2 and shape[1] > 1 and counts:
        kinds.append((np.arange(N * shape[1]) % 5).reshape(N, shape[1]).astype("float32"))
    if data == "images" or name == "BinaryIoU":  # Keras takes a weight per value alone
        kinds[1] = np.repeat(one[:, None], shape[1], 1)
    return kinds


def keras_run(name, kwargs, data, weight):
    """Return state and result of Keras after all batches."""
    metric = make(keras.metrics, name, kwargs)
    if name in ("R2Score", "F1Score", "FBetaScore") or kwargs.get("multi_label"):
        metric.update_state(*next(batches(data)))  # makes variables
        metric.reset_state()
    if "thresholds" in kwargs and "multi_label" in kwargs:  # which Keras cannot compile
        for batch in batches(data):
            metric.update_state(*batch, sample_weight=weight)
        return [v.value for v in metric.variables], metric.result()
    update = jax.jit(metric.stateless_update_state)
    state = [v.value for v in metric.variables]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Explicitly requested dtype int64")
        for batch in batches(data):
            state = update(state, *batch, sample_weight=weight)
    for variable, value in zip(metric.variables, state, strict=True):
        variable.assign(value)
    return state, metric.result()


@pytest.mark.parametrize(("name", "kwargs", "data"), CASES, ids=IDS)
def test_three_batches(name, kwargs, data):
    metric = make(metrics, name, kwargs)
    metric.prepare(*DATA[data]) if len(DATA[data]) == 2 else None
    update = jax.jit(metric.stateless_update_state)
    for weight in weights_for(name, kwargs, data):
        state = metric.stateless_reset_state()
        for batch in batches(data):
            state = update(state, *batch, sample_weight=weight)
        expected_state, expected = keras_run(name, kwargs, data, weight)
        for value, reference in zip(state, expected_state, strict=True):
            assert value.dtype == reference.dtype
            np.testing.assert_allclose(value, reference, rtol=1e-5, atol=1e-5)
        result = metric.stateless_result(state)
        assert result.shape == expected.shape
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


EAGER = {name: (kwargs, data) for name, kwargs, data in CASES}


@pytest.mark.parametrize("name", EAGER)
def test_eager_equals_compiled(name):
    kwargs, data = EAGER[name]
    metric = make(metrics, name, kwargs)
    first = next(batches(data))
    metric.update_state(*first)
    result = np.asarray(metric.result())
    assert [v.numpy().any() for v in metric.variables].count(True) > 0
    before = [v.numpy() for v in metric.variables]
    update = jax.jit(metric.stateless_update_state)
    state = update(metric.stateless_reset_state(), *first)
    for value, compiled in zip(before, state, strict=True):
        np.testing.assert_allclose(value, compiled, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(metric.stateless_result(state), result, rtol=1e-6, atol=1e-6)
    assert all(np.array_equal(v.numpy(), b) for v, b in zip(metric.variables, before, strict=True))
    metric.reset_state()
    assert not any(v.numpy().any() for v in metric.variables)
    assert np.isfinite(np.asarray(metric.result())).all()


@pytest.mark.parametrize(("name", "kwargs", "data"), CASES, ids=IDS)
def test_configs_go_both_ways(name, kwargs, data):
    ours = make(metrics, name, {"name": "mine", **kwargs})
    theirs = make(keras.metrics, name, {"name": "mine", **kwargs})
    config, keras_config = ours.get_config(), theirs.get_config()
    if keras_config.get("label_weights") is not None:
        keras_config["label_weights"] = kwargs["label_weights"]  # an array, there
    assert {k: config[k] for k in keras_config} == keras_config
    again = type(ours).from_config(config)
    assert again.get_config() == config
    assert type(ours).from_config(keras_config).get_config() == config
    their_again = type(theirs).from_config(config).get_config()
    assert {**their_again, "label_weights": 0} == {**keras_config, "label_weights": 0}
    loaded = metrics.deserialize(metrics.serialize(ours))
    assert loaded.get_config() == config
    assert ours._direction == getattr(theirs, "_direction", ours._direction)
    names = [v.name for v in theirs.variables]
    assert [v.name for v in ours.variables] == names


def test_everything_is_compared():
    classes = {n for n in metrics.__all__ if not n.islower()} - {"Metric"}
    assert {name for name, _, _ in CASES} == classes


def test_default_names():
    keras.utils.clear_session()
    for name in dict.fromkeys(name for name, _, _ in CASES):
        kwargs = EAGER[name][0]
        ours, theirs = make(metrics, name, kwargs), make(keras.metrics, name, kwargs)
        assert (ours.name, ours.dtype) == (theirs.name, theirs.dtype)


FUNCTIONS = {
    "binary_accuracy": "bits", "categorical_accuracy": "probabilities",
    "sparse_categorical_accuracy": "sparse", "top_k_categorical_accuracy": "probabilities",
    "sparse_top_k_categorical_accuracy": "sparse", "pearson_correlation": "numbers",
    "concordance_correlation": "numbers",
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    args = (*DATA[FUNCTIONS[name]], *((2,) if "top_k" in name else ()))
    ours, theirs = getattr(metrics, name)(*args), getattr(keras.metrics, name)(*args)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_losses_are_the_functions_of_the_losses_package():
    for name in set(metrics.__all__) & set(dir(keras.losses)) - {"get", "serialize", "deserialize"}:
        if name.islower():
            assert getattr(metrics, name).__module__ == "lamina.losses"


SHAPES = [((N, 3), (N, 3, C)), ((N, 3, 1), (N, 3, C)), ((N, 1), (N, 1, C)), ((N, 1), (N, C))]


@pytest.mark.parametrize(("t", "p"), SHAPES)
def test_sparse_accuracies_of_many_ranks(t, p):
    rng = np.random.RandomState(0)
    t, p = rng.randint(0, C, t), rng.randn(*p).astype("float32")
    names = ["sparse_categorical_accuracy"]
    if t.ndim != p.ndim or t.ndim == 2:  # Keras fails for (N, T, 1)
        names.append("sparse_top_k_categorical_accuracy")
    for name in names:
        ours, theirs = getattr(metrics, name)(t, p), getattr(keras.metrics, name)(t, p)
        assert ours.shape == theirs.shape
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("weighted", [False, True])
def test_masks(weighted):
    rng = np.random.RandomState(1)
    t, p = rng.randint(0, C, (N, 3)), rng.rand(N, 3, C).astype("float32")
    mask = jnp.asarray(rng.rand(N, 3) > 0.4)
    weight = rng.rand(N, 3).astype("float32") if weighted else None
    ours, theirs = metrics.SparseCategoricalAccuracy(), keras.metrics.SparseCategoricalAccuracy()
    for _ in range(2):
        a, b = jnp.asarray(p), jnp.array(p)
        set_mask(a, mask)
        keras_backend.set_keras_mask(b, mask)
        ours.update_state(t, a, weight)
        theirs.update_state(t, b, weight)
    np.testing.assert_allclose(ours.result(), theirs.result(), rtol=1e-6)


KERAS_NAMES = (
    "bce BCE mae MAE mse MSE mape MAPE msle MSLE accuracy auc AUC f1_score f_beta_score mean_io_u "
    "cosine_similarity kl_divergence log_cosh_error precision recall r2_score binary_accuracy "
    "categorical_crossentropy TopKCategoricalAccuracy root_mean_squared_error sum"
)


@pytest.mark.parametrize("name", KERAS_NAMES.split())
def test_names(name):
    if name == "mean_io_u":  # needs its number of classes
        with pytest.raises(TypeError):
            metrics.get(name)
        return
    ours, theirs = metrics.get(name), keras.metrics.get(name)
    assert type(ours).__name__ == type(theirs).__name__
    assert ours.name == theirs.name or ours.name.startswith(("auc", "precision", "recall"))


def test_adjusted_r2_of_too_few():
    t, p = np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [2.5], [4.0]])
    ours, theirs = metrics.R2Score(num_regressors=2), keras.metrics.R2Score(num_regressors=2)
    ours.update_state(t, p)
    theirs.update_state(t, p)
    with pytest.warns(UserWarning, match="not adjusted"):
        result = ours.result()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(result, theirs.result(), rtol=1e-5)
