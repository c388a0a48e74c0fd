"""fit and evaluate on both engines; the choice between them, its cache, and what goes wrong."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import config, layers
from lamina._native import choice, cost, jit
from lamina._native.cache import Cache
from lamina._native.engine import Engine
from lamina._native.graph import Unsupported

rng = np.random.default_rng(0)
X = rng.normal(size=(43, 3)).astype("float32")
Y = np.eye(2, dtype="float32")[(X.sum(1) > 0).astype(int)]


@pytest.fixture(autouse=True)
def _switch():
    before = config.is_native_steps_enabled()
    yield
    (config.enable_native_steps if before else config.disable_native_steps)()


def model(*middle):
    lamina.utils.set_random_seed(3)
    parts = [layers.Dense(4, activation="relu"), *middle, layers.Dense(2, activation="softmax")]
    net = lamina.Sequential([layers.Input((3,)), *parts])
    net.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    return net


def engines(net):
    return set(net.engines().values())


def trained(switch, *middle, batch_size=8, x=X, y=Y, **options):
    switch()
    net = model(*middle)
    options = {"validation_data": (x, y), "epochs": 3, "verbose": 0} | options
    history = net.fit(x, y, batch_size=batch_size, **options).history
    scores = net.evaluate(x, y, batch_size=batch_size, verbose=0)
    return net, history, scores


@pytest.mark.parametrize("batch_size", [8, 1, 43])
def test_fit_and_evaluate_are_those_of_xla(batch_size):
    """With a last batch of 3 rows, batches of one row, and one batch."""
    mine, history, scores = trained(config.enable_native_steps, batch_size=batch_size)
    theirs, wanted, expected = trained(config.disable_native_steps, batch_size=batch_size)
    assert engines(mine) == {"native"}
    assert engines(theirs) == {"XLA: native steps are turned off"}
    for name in wanted:
        np.testing.assert_allclose(history[name], wanted[name], rtol=1e-4, err_msg=name)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)
    for a, b in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_what_was_read_from_a_variable_stays():
    """Steps run in place, but never in arrays that somebody has seen."""
    config.enable_native_steps()
    net, seen = model(), []

    class Look(lamina.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kernel = self.model.layers[0].kernel.value
            seen.append((kernel, np.array(kernel)))

    before = net.layers[0].kernel.value
    copy = np.array(before)
    net.fit(X, Y, epochs=3, batch_size=8, verbose=0, callbacks=[Look()])
    assert engines(net) == {"native"}
    for array, then in [(before, copy), *seen]:
        np.testing.assert_array_equal(array, then)
    assert not np.array_equal(seen[0][1], seen[2][1])


def test_nan_and_infinity_go_through():
    config.enable_native_steps()
    net, y = model(), Y.copy()
    y[5, 0] = np.inf
    config.disable_nan_stop()
    try:
        net.fit(X, y, batch_size=8, verbose=0)
    finally:
        config.enable_nan_stop()
    assert engines(net) == {"native"}
    assert np.isnan(net.get_weights()[0]).any()


def test_ctrl_c_leaves_the_state_of_a_finished_dispatch():
    config.enable_native_steps()
    net = model()

    class Stop(lamina.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, epochs=5, batch_size=8, verbose=0, callbacks=[Stop()])
    assert int(net.optimizer.iterations) == 12
    assert np.isfinite(net.get_weights()[0]).all()


def test_what_is_not_compiled_is_trained_by_xla():
    config.enable_native_steps()
    net = lamina.Sequential([layers.Input((3, 1)), layers.LSTM(2), layers.Dense(2)])
    net.compile("sgd", "mse")
    assert np.isfinite(net.fit(X[..., None], Y, verbose=0).history["loss"][0])
    (engine,) = engines(net)
    assert engine.startswith("XLA: ")


# --- the choice ---------------------------------------------------------------------------------


def step_of(fn, *arrays):
    return jax.make_jaxpr(lambda *a: [fn(*a)])(*arrays)


def chosen(fn=lambda x: x * 2 + 1, x=X, folder=None):
    return choice.choose(step_of(fn, x), None, 1, [0], 1, [x], folder)


def test_reasons(monkeypatch):
    config.enable_native_steps()
    assert chosen()[1] == "native"
    assert "an array without elements" in chosen(x=np.zeros((0, 3), "float32"))[1]
    assert "sort" in chosen(lambda x: jnp.sort(x))[1]
    assert "dtype" in chosen(x=X.astype("float16"))[1]
    monkeypatch.setattr(cost, "_LARGEST", 2)
    assert "too many" in chosen()[1]
    monkeypatch.setattr(cost, "_LARGEST", 6000)
    monkeypatch.setattr(cost, "seconds_here", lambda work, lanes: 1.0)
    assert "us a step" in chosen()[1]
    config.disable_native_steps()
    assert chosen() == (None, "XLA: native steps are turned off")


@pytest.mark.parametrize("trouble", ["missing", "old", "broken"])
def test_llvmlite_that_cannot_be_used(monkeypatch, trouble):
    config.enable_native_steps()
    for cached in (jit._binding, jit.host, jit.versions):
        cached.cache_clear()
    if trouble == "missing":
        monkeypatch.setitem(sys.modules, "llvmlite", None)
    elif trouble == "old":
        monkeypatch.setattr("llvmlite.__version__", "0.36.0")
    else:
        monkeypatch.setattr(jit, "compile_module", _raise)
    engine, reason = chosen()
    assert engine is None
    word = {"missing": "no llvmlite", "old": "too old", "broken": "RuntimeError"}[trouble]
    assert word in reason


def _raise(text):
    raise RuntimeError("LLVM failed")


@pytest.mark.parametrize("value", ["off", "on"])
def test_environment(fresh_python, value, monkeypatch):
    monkeypatch.setenv("LAMINA_NATIVE", value)
    program = (
        "import sys, lamina; print(lamina.config.is_native_steps_enabled(), "
        "'llvmlite' in sys.modules)"
    )
    assert fresh_python(program).split() == [str(value == "on"), "False"]


def test_a_short_order_is_refused():
    engine = Engine(step_of(lambda x: x + 1, X), None, 1, [0], 4)
    engine.compile()
    with pytest.raises(ValueError, match="8 rows"):
        engine([jnp.array(X, copy=True)], [], np.zeros(8, "int32"), 0, 3)


# --- the cache ----------------------------------------------------------------------------------


def test_cache(tmp_path):
    kept = Cache(tmp_path)
    kept.put("a key", b"code" * 9)
    assert kept.get("a key") == b"code" * 9
    assert kept.get("another") is None
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    for damaged in (content[:-1], content[:20], b"", content + b"x", b"other" + content[5:]):
        file.write_bytes(damaged)
        assert kept.get("a key") is None
    file.write_bytes(content)
    file.rename(kept._path("another"))  # somebody's code under our name
    assert kept.get("another") is None
    nowhere = Cache(tmp_path / "missing")
    nowhere.put("a key", b"")
    assert nowhere.get("a key") is None


def test_compiled_code_is_read_again(tmp_path, monkeypatch):
    config.enable_native_steps()
    x = [jnp.array(X, copy=True) for _ in range(2)]
    first, _ = chosen(folder=tmp_path)
    monkeypatch.setattr(jit, "compile_module", _raise)
    second, name = chosen(folder=tmp_path)
    assert name == "native"
    for engine, values in zip((first, second), x, strict=True):
        engine([values], [], np.zeros(4, "int32"), 0, 2)
        np.testing.assert_allclose(values, (X * 2 + 1) * 2 + 1, rtol=1e-6)
    assert "RuntimeError" in chosen(lambda x: x * 3, folder=tmp_path)[1]


def test_a_read_only_folder_is_no_trouble(tmp_path):
    config.enable_native_steps()
    tmp_path.chmod(0o500)
    try:
        assert chosen(folder=tmp_path)[1] == "native"
    finally:
        tmp_path.chmod(0o700)


def test_unsupported_names_the_operation():
    with pytest.raises(Unsupported, match="sort"):
        Engine(step_of(jnp.sort, X), None, 1, [0], 1)
