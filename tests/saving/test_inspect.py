"""What `inspect`, the command of that name and `KerasFileEditor` see in files."""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from lamina import cli, layers, models, saving, utils

KERAS2 = Path(__file__).parents[1] / "data" / "keras2" / "files.zip"


@utils.register_keras_serializable("inspected")
class Scaled(layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight((shape[-1],), "ones", name="scale")

    def call(self, x):
        return x * self.scale


@pytest.fixture(scope="module")
def model():
    inner = models.Sequential(
        [layers.Input((3,), name="in"), layers.Dense(2, name="deep")], name="inner"
    )
    x = layers.Input((3,), name="x")
    y = layers.Dense(1, "relu", name="out")(Scaled(name="scaled")(inner(x)))
    made = models.Model(x, y)
    made.compile("adam", "mse", metrics=["mae"])
    made.optimizer.build(made.trainable_variables)
    return made


def test_a_whole_model(model, tmp_path):
    path = tmp_path / "m.keras"
    model.save(path)
    found = saving.inspect(path)
    assert (found.kind, found.version) == ("model", "3.15.0")
    assert found.nbytes == path.stat().st_size
    assert [(x.name, x.class_name, x.depth) for x in found.layers[:3]] == [
        ("x", "InputLayer", 0), ("inner", "Sequential", 0), ("in", "InputLayer", 1),
    ]  # fmt: skip
    assert found.layers[-2].class_name == "inspected>Scaled"
    assert found.classes["Dense"] == 2
    assert not found.unknown
    assert found.compiled == {"optimizer": "Adam", "loss": "mse", "metrics": ["mae"]}
    shapes = {a.path: a.shape for a in found.arrays}
    assert shapes["layers/sequential/layers/dense/vars/0"] == (3, 2)
    assert sum(a.nbytes for a in found.arrays if a.path[0] == "l") == 4 * model.count_params()
    model.save(tmp_path / "m.h5")
    assert [x.name for x in saving.inspect(tmp_path / "m.h5").layers] == [
        x.name for x in found.layers
    ]


@pytest.mark.parametrize("name", ["w.weights.h5", "w.safetensors", "w.weights.json", "w.h5"])
def test_weights_alone(model, tmp_path, name):
    path = tmp_path / name
    model.save_weights(path, max_shard_size=0.001 if name.endswith("json") else None)
    found = saving.inspect(path)
    assert (3, 2) in {a.shape for a in found.arrays}
    nbytes = sum(a.nbytes for a in found.arrays if "optimizer" not in a.path)
    assert nbytes == 4 * model.count_params()
    assert not found.layers


def test_nothing_of_the_file_is_made_and_classes_that_are_missing_are_told(model, tmp_path):
    """A layer of 10**12 units and an unknown class: named, not made."""
    model.save(tmp_path / "m.keras")
    path = tmp_path / "odd.keras"
    with zipfile.ZipFile(tmp_path / "m.keras") as old, zipfile.ZipFile(path, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename == "config.json":
                record = json.loads(data)
                record["config"]["layers"][-1]["config"].update(units=10**12, name="\x1b[31mred")
                record["config"]["layers"][-2].update(registered_name="away>Gone", module="os")
                data = json.dumps(record)
            new.writestr(info, data)
    found = saving.inspect(path)
    assert found.unknown == ["away>Gone"]
    text = str(found)
    assert "\x1b" not in text
    assert "not known here: away>Gone" in text


def test_the_command(tmp_path, capsys):
    with zipfile.ZipFile(KERAS2) as archive:
        archive.extract("translator.h5", tmp_path)
    assert cli.main(["inspect", str(tmp_path / "translator.h5")]) == 0
    text = capsys.readouterr().out
    for line in ("model (Keras 2 form) of Keras 2.15.0", "late             Sequential",
                 "  activation     Activation", "code, which is never run: double",
                 "optimizer: SGD", "gru_1/gru_1/gru_cell/bias:0"):  # fmt: skip
        assert line in text
    (tmp_path / "bad.keras").write_bytes(b"PK nothing")
    for name in ("bad.keras", "missing.keras", "translator.txt"):
        assert cli.main(["inspect", str(tmp_path / name)]) == 2
        assert "expected" in capsys.readouterr().err


def test_a_saved_model_of_tensorflow(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    for read in (saving.inspect, saving.load_model):
        with pytest.raises(saving.FileRefused, match=r"(?s)SavedModel of TensorFlow.*model\.h5"):
            read(tmp_path)


# --- editing --------------------------------------------------------------------------------------


def test_an_edited_file_loads_into_the_edited_model(model, tmp_path, capsys):
    old, new = tmp_path / "old.weights.h5", tmp_path / "new.weights.h5"
    model.save_weights(old)
    editor = saving.KerasFileEditor(old)
    assert editor.compare(model)["status"] == "success"
    kernel = editor.weights_dict["layers"]["dense"]["0"]
    editor.delete_object("optimizer")
    editor.rename_object("layers/sequential", "functional")
    editor.delete_weight("layers/dense", "1")
    editor.add_weights("layers/dense", {"0": np.vstack([kernel, kernel])})
    editor.add_object("layers/dense_1", {"0": np.ones((2, 2)), "1": np.zeros(2)})
    editor.save(new)
    again = saving.KerasFileEditor(new)
    assert again.weights_dict["layers"]["dense"]["0"].shape == (4, 1)
    assert set(again.weights_dict["layers"]) == {"dense", "dense_1", "functional", "scaled"}
    assert again.object_metadata["layers/scaled"] == {"name": "scaled"}
    result = again.compare(old)
    assert result["status"] == "error"
    capsys.readouterr()
    again.summary()
    text = capsys.readouterr().out
    assert "scaled ('scaled')" in text
    assert "0: (4, 1) float32" in text
    with h5py.File(new) as file:
        assert file["layers/functional/layers/dense/vars/0"].shape == (3, 2)


def test_what_the_editor_refuses(model, tmp_path):
    model.save_weights(tmp_path / "w.weights.h5")
    editor = saving.KerasFileEditor(tmp_path / "w.weights.h5")
    for call, message in (
        (lambda: editor.rename_object("dense", "x"), "2 of them"),
        (lambda: editor.rename_object("layers/scaled", "dense"), "exists"),
        (lambda: editor.rename_object("layers/scaled", "a/b"), "without '/'"),
        (lambda: editor.delete_object("layers/scald"), "did you mean 'layers/scaled'"),
        (lambda: editor.delete_weight("scaled", "7"), "it has: 0"),
        (lambda: editor.add_object("nowhere/x", {}), "nowhere"),
        (lambda: editor.add_weights("scaled", [1]), "dictionary of arrays"),
        (lambda: editor.save(tmp_path / "w.keras"), r"\.weights\.h5"),
        (lambda: saving.KerasFileEditor(tmp_path / "w.txt"), "expected a file"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            call()
