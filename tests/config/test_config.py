"""Settings of the process, and what they change."""

import logging

import keras
import numpy as np
import pytest

import lamina
from lamina import backend, config, layers, utils
from lamina.utils._progbar import say


@pytest.fixture(autouse=True)
def restored():
    yield
    config.set_floatx("float32")
    config.set_epsilon(1e-7)
    config.set_image_data_format("channels_last")
    config.set_dtype_policy(None)
    config.enable_interactive_logging()
    config.enable_traceback_filtering()
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)


@pytest.mark.parametrize(
    "name",
    ["backend", "epsilon", "floatx", "image_data_format", "is_flash_attention_enabled",
     "is_interactive_logging_enabled", "is_nnx_enabled", "is_traceback_filtering_enabled",
     "max_epochs", "max_steps_per_epoch"],
)  # fmt: skip
def test_defaults_are_keras(name):
    assert getattr(config, name)() == getattr(keras.config, name)()


@pytest.mark.parametrize("name", ["float16", "float64", "bfloat16"])
def test_floatx(name):
    config.set_floatx(name)
    assert config.floatx() == backend.floatx() == name
    assert config.dtype_policy().name == name
    assert layers.Dense(1).compute_dtype == name


def test_epsilon_reaches_the_layers():
    config.set_epsilon(0.5)
    assert config.epsilon() == backend.epsilon() == 0.5
    x = lamina.ops.convert_to_tensor([[0.0, 0.0]])
    assert float(lamina.losses.binary_crossentropy([[1.0, 1.0]], x)[0]) < 0.7  # -log(0.5)


def test_image_data_format():
    config.set_image_data_format("CHANNELS_FIRST")
    assert config.image_data_format() == backend.image_data_format() == "channels_first"
    assert layers.ZeroPadding2D(1)(np.zeros((1, 3, 2, 2))).shape == (1, 3, 4, 4)


def test_dtype_policy():
    config.set_dtype_policy("mixed_bfloat16")
    assert config.dtype_policy() == lamina.DTypePolicy("mixed_bfloat16")
    layer = layers.Dense(1)
    assert (layer.compute_dtype, layer.variable_dtype) == ("bfloat16", "float32")


def test_flash_attention_is_a_switch():
    before = config.is_flash_attention_enabled()
    config.disable_flash_attention()
    assert config.is_flash_attention_enabled() is False
    config.enable_flash_attention()
    assert config.is_flash_attention_enabled() is not False
    lamina._core.config._settings.flash_attention = before


def test_tracebacks():
    config.disable_traceback_filtering()
    assert not config.is_traceback_filtering_enabled()
    config.enable_traceback_filtering()
    assert config.is_traceback_filtering_enabled()


def test_one_engine():
    config.set_backend("jax")
    with pytest.raises(ValueError, match=r"(?s)expected 'jax'.*'torch'.*Help"):
        config.set_backend("torch")


def test_files_bring_no_code():
    with pytest.warns(UserWarning, match="register_keras_serializable"):
        config.enable_unsafe_deserialization()


@pytest.mark.parametrize(
    ("setter", "value"),
    [("set_floatx", "float8"), ("set_image_data_format", "NHWC"), ("set_dtype_policy", "mixed"),
     ("set_max_epochs", -1), ("set_max_steps_per_epoch", 1.5)],
)  # fmt: skip
def test_unknown_values_are_refused_and_change_nothing(setter, value):
    getter = getattr(config, setter.removeprefix("set_"))
    before = getter()
    with pytest.raises(ValueError, match=r"(?s)expected.*Got"):
        getattr(config, setter)(value)
    assert getter() == before


# --- caps -----------------------------------------------------------------------------------------


@pytest.fixture
def model():
    model = lamina.Sequential([layers.Dense(1, input_dim=2)])
    model.compile("sgd", "mse")
    return model


X, Y = np.ones((20, 2), "float32"), np.ones((20, 1), "float32")


def test_caps(model):
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    history = model.fit(X, Y, batch_size=4, epochs=5, validation_data=(X, Y), verbose=0)
    assert history.epoch == [0, 1]
    assert int(model.optimizer.iterations) == 2 * 3
    assert model.predict(X, batch_size=4, verbose=0).shape == (12, 1)
    assert model.predict(X, batch_size=4, steps=2, verbose=0).shape == (8, 1)
    config.set_max_epochs(0)  # none, as in Keras
    config.set_max_steps_per_epoch(None)
    assert model.predict(X, batch_size=4, verbose=0).shape == (20, 1)


def test_caps_from_the_environment(fresh_python, monkeypatch):
    monkeypatch.setenv("KERAS_MAX_EPOCHS", "3")
    monkeypatch.setenv("KERAS_MAX_STEPS_PER_EPOCH", "7")
    program = "from lamina import config; print(config.max_epochs(), config.max_steps_per_epoch())"
    assert fresh_python(program).split() == ["3", "7"]


# --- interactive logging --------------------------------------------------------------------------


def test_progress_goes_to_the_log(model, caplog, capsys):
    config.disable_interactive_logging()
    assert not utils.is_interactive_logging_enabled()
    with caplog.at_level(logging.INFO, "lamina"):
        model.fit(X, Y, epochs=2, batch_size=10)
        model.summary()
    lines = [record.getMessage() for record in caplog.records if record.name == "lamina"]
    assert [line[:16] for line in lines[:2]] == ["Epoch 1/2 - 2/2 ", "Epoch 2/2 - 2/2 "]
    assert any("Total params" in line for line in lines)
    assert not any("\r" in line or "\x1b" in line for line in lines)
    assert capsys.readouterr().out == ""


def test_progress_goes_to_the_screen(model, caplog, capsys):
    utils.disable_interactive_logging()
    utils.enable_interactive_logging()
    with caplog.at_level(logging.INFO, "lamina"):
        model.fit(X, Y, batch_size=10)
    assert capsys.readouterr().out.startswith("2/2 - ")
    assert not [record for record in caplog.records if record.name == "lamina"]


def test_messages_go_where_progress_goes(caplog, capsys):
    say("saved\nto disk")
    assert capsys.readouterr().out == "saved\nto disk\n"
    config.disable_interactive_logging()
    with caplog.at_level(logging.INFO, "lamina"):
        say("saved\nto disk")
    assert [record.getMessage() for record in caplog.records] == ["saved", "to disk"]
    assert capsys.readouterr().out == ""


# --- keras.backend --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "int8", "uint32", "bool",
                                   "complex64", np.float64, int, float])  # fmt: skip
def test_kinds_of_dtypes(dtype):
    for name in ("is_float_dtype", "is_int_dtype", "standardize_dtype"):
        assert getattr(backend, name)(dtype) == getattr(keras.backend, name)(dtype)


def test_names_are_counted():
    keras.backend.clear_session()
    backend.clear_session()
    for b, library in ((backend, lamina), (keras.backend, keras)):
        assert [b.get_uid("dense"), b.get_uid("dense")] == [1, 2]
        assert library.layers.Dense(1).name == "dense_2"
        b.clear_session()
        assert library.layers.Dense(1).name == "dense"
        assert b.get_uid() == 1


def test_is_keras_tensor():
    assert backend.is_keras_tensor(lamina.Input((2,)))
    assert not backend.is_keras_tensor(np.ones(2))


@pytest.mark.parametrize("dtypes", [("int32", "float16"), ("int8", "uint8"), ("bool", int), (),
                                    ("bfloat16", "float16"), ("int32", float)])  # fmt: skip
def test_result_type(dtypes):
    assert backend.result_type(*dtypes) == keras.backend.result_type(*dtypes)
