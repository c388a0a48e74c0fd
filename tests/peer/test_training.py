"""A small net trained by every optimizer, and in short floats, beside real Keras on JAX."""

import keras
import numpy as np
import pytest

import lamina

STEPS, BATCH = 20, 8


def problem():
    draw = np.random.default_rng(3)
    x = draw.normal(size=(STEPS * BATCH, 3)).astype("float32")
    return x, np.eye(2, dtype="float32")[(x.sum(1) > 0).astype(int)]


def net(api, dtype=None):
    layers = api.layers
    return api.Sequential(
        [
            api.Input((3,)),
            layers.Dense(4, activation="tanh", kernel_regularizer="l2", dtype=dtype),
            layers.BatchNormalization(dtype=dtype),
            layers.Dense(2, activation="softmax", kernel_constraint="max_norm", dtype=dtype),
        ]
    )


def trained(options, dtype=None, **compile_options):
    """Losses of 20 steps and the weights after them, of lamina and of Keras, from one start."""
    x, y = problem()
    results, start = [], None
    for api in (keras, lamina):
        model = net(api, dtype)
        start = start or model.get_weights()
        model.set_weights(start)
        model.compile(options(api), "categorical_crossentropy", metrics=["mae"], **compile_options)
        history = model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0).history
        results.append((model, history, model.get_weights()))
    return results[1], results[0]


SGD = {"momentum": 0.9, "nesterov": True}
MAKERS = {
    "Adadelta": {"learning_rate": 1.0}, "Adafactor": {}, "Adagrad": {"learning_rate": 0.1},
    "Adam": {"amsgrad": True}, "AdamW": {"learning_rate": 0.01}, "Adamax": {"clipnorm": 0.1},
    "Ftrl": {"learning_rate": 0.1}, "Lamb": {"global_clipnorm": 0.5},
    "Lion": {"weight_decay": 0.01}, "Muon": {}, "Nadam": {"clipvalue": 0.01},
    "RMSprop": {"centered": True, "use_ema": True, "ema_overwrite_frequency": 4},
    "SGD": {"learning_rate": 0.1, "gradient_accumulation_steps": 4, **SGD},
    "ScheduleFreeAdamW": {"warmup_steps": 5},
}  # fmt: skip


@pytest.mark.parametrize("name", MAKERS)
def test_every_optimizer_trains_as_keras(name):
    ours, theirs = trained(lambda api: getattr(api.optimizers, name)(**MAKERS[name]))
    for key, values in theirs[1].items():
        np.testing.assert_allclose(ours[1][key], values, atol=1e-5, err_msg=key)
    for a, b in zip(ours[2], theirs[2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_every_optimizer_is_there():
    wrappers = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"}
    assert set(MAKERS) == {n for n in dir(keras.optimizers) if n[0].isupper()} - wrappers


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_as_keras(policy):
    """To the two or three digits that the short type has."""
    ours, theirs = trained(lambda api: api.optimizers.SGD(0.1), policy)
    for model, history, weights in (ours, theirs):
        assert {str(w.dtype) for w in weights} == {"float32"}
        assert np.isfinite(history["loss"]).all()
        assert str(model(np.ones((1, 3))).dtype) == policy.removeprefix("mixed_")
    np.testing.assert_allclose(ours[1]["loss"], theirs[1]["loss"], rtol=1e-2)
    for a, b in zip(ours[2], theirs[2], strict=True):
        np.testing.assert_allclose(a, b, atol=3e-2)


def test_the_loss_scale_of_mixed_float16_is_keras():
    """Under the global policy both wrap the optimizer; the scale and its counter agree."""
    scales = []
    for api in (lamina, keras):
        api.config.set_dtype_policy("mixed_float16")
        try:
            model = net(api)
            model.compile("sgd", "mse")
            optimizer = model.optimizer
            assert type(optimizer).__name__ == "LossScaleOptimizer"
            model.fit(*problem(), batch_size=BATCH, verbose=0)
            state = [np.asarray(v) for v in (optimizer.dynamic_scale, optimizer.step_counter)]
            scales.append([*map(float, state), int(optimizer.inner_optimizer.iterations)])
        finally:
            api.config.set_dtype_policy("float32")
    assert scales[0] == scales[1] == [2.0**15, STEPS, STEPS]


def test_names_and_order_of_weighted_metrics():
    x, y = problem()
    rows = np.linspace(0, 1, len(x))
    results, start = [], None
    for api in (keras, lamina):
        inputs = api.Input((3,))
        outputs = [api.layers.Dense(2, name=name)(inputs) for name in ("b", "a")]
        model = api.Model(inputs, outputs)
        start = start or model.get_weights()
        model.set_weights(start)
        model.compile(
            "sgd", ["mse", "mae"], metrics=[["mae", "mse"], ["mae"]],
            weighted_metrics=[["mae", "mae"], ["mse"]], loss_weights=[1.0, 0.5],
        )  # fmt: skip
        options = {"batch_size": 32, "verbose": 0}
        model.fit(x, [y, y], sample_weight=[rows, rows], shuffle=False, **options)
        logs = model.evaluate(x, [y, y], sample_weight=[rows, rows], return_dict=True, **options)
        row = model.evaluate(x, [y, y], sample_weight=[rows, rows], **options)
        results.append((logs, row))
    assert np.allclose([logs[name] for name in model.metrics_names], row)
    (theirs, their_row), (ours, our_row) = results
    assert ours.keys() == theirs.keys()
    np.testing.assert_allclose([ours[k] for k in theirs], list(theirs.values()), atol=1e-5)
    np.testing.assert_allclose(our_row, their_row, atol=1e-5)
