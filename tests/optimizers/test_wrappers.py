"""Optimizers around others: dynamic loss scale, several in one, optax."""

import jax
import numpy as np
import optax
import pytest

import lamina
from lamina import optimizers
from lamina.optimizers import SGD, Adam, LossScaleOptimizer, MultiOptimizer, OptimizerMap

from .conftest import gradients, keras, start, trajectory


def grads_with_infinities():
    """Twelve gradients of one kernel, two of them not finite."""
    g = gradients()[0][:12] * 64.0
    g[4, 1, 1], g[7, 0, 0] = np.inf, np.nan
    return g


@pytest.mark.parametrize("compiled", [True, False])
def test_loss_scale_is_keras(compiled):
    results = []
    for library in (lamina, keras):
        (w,) = start(library, ["kernel"])
        optimizer = library.optimizers.LossScaleOptimizer(
            library.optimizers.Adam(0.1), 64.0, dynamic_growth_steps=3
        )
        optimizer.build([w])
        apply = (
            jax.jit(optimizer.stateless_apply)
            if compiled or library is keras
            else optimizer.stateless_apply
        )
        trained, own = [w.value], [v.value for v in optimizer.variables]
        seen = []
        for g in grads_with_infinities():
            trained, own = apply(own, [g], trained)
            seen.append([np.asarray(x) for x in (*trained, *own)])
        results.append(seen)
    for step, (ours, theirs) in enumerate(zip(*results, strict=True)):
        for x, y in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6, err_msg=f"step {step}")


def test_loss_scale_stateful():
    w, optimizer = (
        lamina.Variable([1.0]),
        LossScaleOptimizer(SGD(0.5), initial_scale=4.0, dynamic_growth_steps=2),
    )
    assert float(optimizer.scale_loss(2.0)) == 8.0
    for g in (4.0, np.inf, 2.0, 2.0):
        optimizer.apply([[g]], [w])
    assert float(w[0]) == 1 - 0.5 - 0.5 - 0.5
    assert float(optimizer.dynamic_scale) == 4.0
    assert float(optimizer.scale_loss(2.0)) == 8.0
    assert int(optimizer.iterations) == 3
    optimizer.learning_rate = 0.25
    assert float(optimizer.inner_optimizer.learning_rate) == 0.25
    assert [v.name for v in optimizer.variables] == [
        "iteration", "learning_rate", "step_counter", "dynamic_scale", "iteration", "learning_rate",
    ]  # fmt: skip


def test_loss_scale_config_is_keras():
    ours = LossScaleOptimizer(SGD(0.5, name="inner"), 8.0, 7, name="outer")
    theirs = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.5, name="inner"), 8.0, 7, name="outer"
    )
    assert ours.get_config() == theirs.get_config()
    again = optimizers.deserialize(optimizers.serialize(ours))
    assert again.get_config() == ours.get_config()
    for options in ({"clipnorm": 1.0}, {"dynamic": False}):
        with pytest.raises(ValueError, match="inner optimizer"):
            LossScaleOptimizer(SGD(), **options)
    assert LossScaleOptimizer(SGD(), clipnorm=None, use_ema=False, ema_momentum=0.99).built is False
    with pytest.raises(ValueError, match="expected an optimizer as `inner_optimizer`"):
        LossScaleOptimizer("sgd")


def half_precision_model(optimizer):
    """A layer that computes in float16, whose gradients of 1e-9 need a scale to be seen."""
    model = lamina.Sequential(
        [lamina.layers.Dense(2, dtype="mixed_float16", input_shape=(3,), kernel_initializer="ones")]
    )
    model.compile(optimizer, lambda y, p: lamina.ops.multiply(p, 1e-9))
    model.fit(np.ones((8, 3), "float32"), np.ones((8, 2), "float32"), batch_size=4, verbose=0)
    return model.layers[0].kernel.numpy()


def test_loss_scale_sees_small_gradients_in_a_compiled_fit():
    assert np.array_equal(half_precision_model(SGD(1e8)), np.ones((3, 2)))
    moved = half_precision_model(LossScaleOptimizer(SGD(1e8)))
    np.testing.assert_allclose(moved, 1 - 2 * 0.05, rtol=1e-2)


@pytest.mark.parametrize("scale", [None, 16.0])
def test_several_optimizers_are_keras(scale):
    results = []
    for library in (lamina, keras):
        o = library.optimizers
        by_path = o.OptimizerMap(
            o.SGD(0.1, momentum=0.9), {"ker.*": o.Adam(0.1), "bias": o.Lion(0.01)}
        )
        results.append(
            trajectory(o.MultiOptimizer(by_path, loss_scale_factor=scale), start(library))
        )
    for a, b in zip(results[0][0] + results[0][1], results[1][0] + results[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_several_optimizers_by_a_function_in_fit():
    adam, sgd = Adam(0.1), SGD(0.1)
    optimizer = MultiOptimizer(lambda v: adam if "kernel" in v.path else sgd)
    model = lamina.Sequential([lamina.layers.Dense(1, input_shape=(2,))])
    model.compile(optimizer, "mse")
    model.fit(np.ones((8, 2)), np.ones((8, 1)), batch_size=4, verbose=0)
    assert [int(o.iterations) for o in optimizer.optimizers] == [2, 2]
    assert int(optimizer.iterations) == 2
    with pytest.raises(AttributeError, match=r"optimizer.optimizers\[0\].learning_rate"):
        print(optimizer.learning_rate)


def test_optimizer_map():
    by_path = OptimizerMap(SGD(0.1), {"a/.*": SGD(0.2)})
    by_path["b"] = SGD(0.3)
    assert [float(by_path[k].learning_rate) for k in ("a/x", "b", "c")] == pytest.approx(
        [0.2, 0.3, 0.1]
    )
    assert list(by_path) == ["a/.*", "b"]
    again = optimizers.deserialize(optimizers.serialize(MultiOptimizer(by_path, name="m")))
    assert again.get_config() == MultiOptimizer(by_path, name="m").get_config()
    by_path["a/y?x"] = SGD()
    with pytest.raises(ValueError, match="at most one pattern"):
        by_path["a/x"]
    with pytest.raises(ValueError, match="'b' again"):
        by_path["b"] = SGD()
    with pytest.raises(ValueError, match="take steps themselves"):
        by_path["d"] = LossScaleOptimizer(SGD())
    with pytest.raises(TypeError, match="`default_optimizer`"):
        OptimizerMap("sgd")
    with pytest.raises(ValueError, match="expected an OptimizerMap"):
        MultiOptimizer({"a": SGD()})


@pytest.mark.parametrize(
    "transformation",
    [
        optax.adamw(0.1, weight_decay=0.1, mask=lambda p: {k: "bias" not in k for k in p}),
        optax.chain(optax.clip_by_global_norm(1.0),
                    optax.sgd(optax.exponential_decay(0.1, 5, 0.5), momentum=0.9)),
        optax.multi_transform({"a": optax.adam(0.1), "b": optax.set_to_zero()},
                              lambda p: {k: "a" if k == "kernel" else "b" for k in p}),
        optax.MultiSteps(optax.lion(0.01), 3),
    ],
    ids=["masked adamw", "chain", "multi_transform", "MultiSteps"],
)  # fmt: skip
def test_optax_is_what_it_is_alone(transformation):
    names = ["kernel", "bias", "embeddings"]
    path, _ = trajectory(optimizers.get(transformation), start(lamina))
    p = {n: v.value for n, v in zip(names, start(lamina), strict=True)}
    state = transformation.init(p)

    @jax.jit
    def step(p, state, g):
        updates, state = transformation.update(g, state, p)
        return optax.apply_updates(p, updates), state

    for i in range(20):
        p, state = step(p, state, {n: g[i] for n, g in zip(names, gradients(), strict=True)})
        for name, values in zip(names, path, strict=True):
            np.testing.assert_allclose(values[i], p[name], rtol=1e-5, atol=1e-6)


def test_optax_in_fit():
    model = lamina.Sequential([lamina.layers.Dense(1, input_shape=(2,))])
    model.compile(optax.inject_hyperparams(optax.adam)(learning_rate=0.1), "mse")
    x, y = np.ones((64, 2)), np.full((64, 1), 3.0)
    history = model.fit(x, y, batch_size=8, epochs=4, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    model.optimizer.learning_rate = 0.0
    before = model.layers[0].kernel.numpy()
    model.fit(x, y, verbose=0)
    assert np.array_equal(before, model.layers[0].kernel.numpy())
    with pytest.raises(ValueError, match="expected an optimizer that can be written"):
        model.optimizer.get_config()
    with pytest.raises(AttributeError, match="inject_hyperparams"):
        print(optimizers.get(optax.sgd(0.1)).learning_rate)
    with pytest.raises(ValueError, match="expected an optax transformation"):
        optimizers.OptaxOptimizer(0.1)


def test_optax_is_not_imported_unless_given(fresh_python):
    assert fresh_python("import sys, lamina; print('optax' in sys.modules)").strip() == "False"
