"""What is trusted and what is not: names of users' classes, text on screens, pickles, disks."""

import errno
import io
import json
import os
import pickle
import threading
import time

import numpy as np
import pytest

import lamina
from lamina import layers, models, saving, utils

from . import files
from .records import layer, stack_of
from .watch import watched


class Dense(layers.Layer):
    """A user's class with the name of one of the library's."""

    def call(self, x):
        return x


# --- C8: whose class a name means -----------------------------------------------------------------


def made_of(record, **options):
    return saving.deserialize_keras_object(record, **options)


def test_only_the_caller_puts_a_class_in_the_place_of_the_librarys():
    record = layer(name="d")
    assert type(made_of(record)) is layers.Dense
    del record["config"]["units"]
    assert type(made_of(record, custom_objects={"Dense": Dense})) is Dense
    with saving.custom_object_scope({"Dense": Dense}):
        assert type(made_of(record)) is Dense
    with pytest.raises(ValueError, match="units"):  # and no longer
        made_of(record)
    foreign = layer(registered="tests>Dense") | {"module": Dense.__module__}
    assert type(made_of(foreign)) is layers.Dense  # what is not registered is not looked for


def test_a_class_is_used_only_when_it_is_registered():
    class Unknown(layers.Layer):
        pass

    record = layer("Unknown", Unknown.__module__, "tests>Unknown")
    with watched(), pytest.raises(ValueError, match="custom_objects"):
        made_of(record)


# --- D6: names on screens -------------------------------------------------------------------------

NAMES = (
    "\x1b[2J\x1b[31mred",
    "<script>alert(1)</script>",
    "{0.__class__}",
    "%s%n",
    "a\rb",
    "\u202e",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_from_files_are_harmless_on_screens(name, tmp_path):
    """They are refused, or shown without what a terminal or a browser would act upon."""
    try:
        model = lamina.Sequential.from_config(stack_of(layer(name=name))["config"])
    except ValueError:
        return
    lines = []
    model.summary(print_fn=lines.append)
    shown = "\n".join(map(str, lines))
    with pytest.raises(ValueError, match="expected") as refused:  # errors name the layer
        model.layers[0](np.ones((1, 9)))
    for text in (shown, str(refused.value)):
        assert not set(text) & set("\x1b\r\u202e")
    assert "<script>" not in str(utils.model_to_dot(model))


@pytest.mark.parametrize(
    "record",
    [layer("A" * 10**7), layer(**{"b" * 10**7: 1}), layer(dtype="c" * 10**7),
     layer(bomb=[0] * 10**6)],
    ids=["class", "argument", "value", "list"],
)  # fmt: skip
def test_errors_about_long_values_are_short_and_soon(record):
    begun = time.monotonic()
    with pytest.raises(ValueError, match="expected") as refused:
        made_of(record)
    assert len(str(refused.value)) < 10**5
    assert time.monotonic() - begun < 5


# --- pickles --------------------------------------------------------------------------------------

PLAIN = ("builtins", "collections", "copyreg", "functools", "lamina", "jax", "jaxlib", "numpy",
         "ml_dtypes")  # fmt: skip


class Careful(pickle.Unpickler):
    """Loads what a model needs, and nothing that does something."""

    def find_class(self, module, name):
        assert module.partition(".")[0] in PLAIN, (module, name)
        assert (module, name) not in {("builtins", "eval"), ("builtins", "exec")}
        return super().find_class(module, name)


@pytest.mark.parametrize("model", files.MODELS)
def test_pickles_of_models_need_no_code(model):
    made = files.MODELS[model]()
    again = Careful(io.BytesIO(pickle.dumps(made))).load()
    assert files.state(again) == files.state(made)


# --- I4: disks and other writers ------------------------------------------------------------------

SAVES = {
    "m.keras": lambda m, p: m.save(p),
    "m.h5": lambda m, p: m.save(p),
    "m.weights.h5": lambda m, p: m.save_weights(p),
    "m.safetensors": lambda m, p: m.save_weights(p),
}


@pytest.mark.parametrize("name", [n for n in SAVES if files.HAS_SAFETENSORS or "safe" not in n])
def test_a_full_disk_leaves_the_old_file(name, tmp_path, monkeypatch):
    path = tmp_path / name
    SAVES[name](files.fresh(), path)
    old = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        SAVES[name](files.fresh(), path)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_disk_that_fills_while_arrays_are_written(tmp_path, monkeypatch):
    path = tmp_path / "m.keras"
    model = files.fresh()
    model.save(path)
    old, written = path.read_bytes(), []

    def full(group, key, array):
        written.append(key)
        if len(written) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return group.create_dataset(key, data=array)

    monkeypatch.setattr("lamina.saving._weights_file.put_array", full)
    with pytest.raises(OSError, match="space"):
        model.save(path)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["m.keras"]


def test_two_writers_leave_the_whole_file_of_one(tmp_path):
    path, failed = tmp_path / "m.weights.h5", []
    ours = [files.fresh() for _ in range(2)]
    for number, model in enumerate(ours):
        model.set_weights([np.full_like(w, number + 1) for w in model.get_weights()])

    def write(model):
        try:
            for _ in range(15):
                model.save_weights(path)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(model,)) for model in ours]
    for thread in threads:
        thread.start()
    reader = files.fresh()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            reader.load_weights(path)
            assert len({float(x) for w in reader.get_weights() for x in w.flat}) == 1
    assert not failed
    assert [p.name for p in tmp_path.iterdir()] == ["m.weights.h5"]


# --- what is not saved, and what is not changed ---------------------------------------------------


def test_code_is_not_saved(tmp_path):
    model = lamina.Sequential([lamina.Input((3,)), layers.Lambda(lambda x: x + 1)])
    path = tmp_path / "m.keras"
    with pytest.raises(ValueError, match="register_keras_serializable"):
        model.save(path)
    assert not list(tmp_path.iterdir())


def test_a_refused_record_changes_no_setting():
    evil = stack_of(
        layer(
            dtype={
                "class_name": "function",
                "module": "keras.config",
                "config": "set_dtype_policy",
                "registered_name": None,
            }
        )
    )
    before = (lamina.config.floatx(), lamina.config.dtype_policy().name)
    with pytest.raises(ValueError, match="set_dtype_policy"):
        models.model_from_json(json.dumps(evil))
    assert (lamina.config.floatx(), lamina.config.dtype_policy().name) == before


def test_config_and_weights_of_different_models(tmp_path):
    """I2: the configuration of one model with the weights of another."""
    parts = files.members(files.saved(".keras")["m.keras"])
    other = files.members(files.saved(".keras|image")["m.keras"])
    mixed = tmp_path / "m.keras"
    mixed.write_bytes(files.zipped({**parts, files.WEIGHTS: other[files.WEIGHTS]}))
    with watched(mixed), pytest.raises(ValueError, match=r"\n  Got "):
        saving.load_model(mixed)
