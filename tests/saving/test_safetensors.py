"""Weights in `.safetensors` files."""

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from lamina import layers, models
from lamina.saving import FileRefused


def net(units=2, dtype=None):
    model = models.Sequential(
        [
            layers.Input((4, 3)),
            layers.Conv1D(units, 2, name="conv"),
            layers.BatchNormalization(),
            layers.Bidirectional(layers.GRU(2, name="gru"), name="both"),
            layers.Dense(1, dtype=dtype),
        ]
    )
    model.compile("adam", "mse")
    return model


def test_weights_and_optimizer_state_there_and_back(tmp_path):
    path, source, target = tmp_path / "w.safetensors", net(), net()
    x, y = np.random.rand(8, 4, 3), np.random.rand(8, 1)
    source.fit(x, y, verbose=0)
    source.save_weights(path)
    target.optimizer.build(target.trainable_variables)
    report = target.load_weights(path)
    assert report.ok
    assert not report.unused
    for a, b in zip(source.get_weights(), target.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(source.optimizer.variables, target.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    arrays = load_file(path)
    np.testing.assert_array_equal(arrays["layers/conv1d/vars/0"], source.layers[0].kernel)
    with safe_open(path, framework="np") as file:
        assert file.metadata()["layers/dense/vars/1"] == "sequential/dense/bias"


def test_arrays_that_lie_otherwise_in_memory(tmp_path):
    class Turned(layers.Layer):
        def build(self, shape):
            self.w = self.add_weight((2, 3), name="w")

        def call(self, x):
            return x

        def save_own_variables(self, store):
            store["0"] = np.asarray(self.w).T.copy().T

    model = models.Sequential([layers.Input((2,)), Turned()])
    model.save_weights(tmp_path / "w.safetensors")
    stored = load_file(tmp_path / "w.safetensors")["layers/turned/vars/0"]
    np.testing.assert_array_equal(stored, model.layers[0].w)


def test_short_floats(tmp_path):
    model = net(dtype="bfloat16")
    model.save_weights(tmp_path / "w.safetensors")
    kept = model.get_weights()
    model.set_weights([w * 0 for w in kept])
    model.load_weights(tmp_path / "w.safetensors")
    assert str(model.layers[-1].kernel.dtype) == "bfloat16"
    for a, b in zip(model.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_does_not_fit_is_reported_and_changes_nothing(tmp_path):
    path, model = tmp_path / "w.safetensors", net(3)
    net().save_weights(path)
    kept = model.get_weights()
    with pytest.raises(FileRefused, match=r"(?s)2 loaded, 4 not.*conv \(Conv1D\).*\(2, 3, 3\)"):
        model.load_weights(path)
    for a, b in zip(model.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("edit", [b"", b"\xff" * 40, b"\x08\0\0\0\0\0\0\0{broken}"])
def test_damaged_files_are_refused(tmp_path, edit):
    path = tmp_path / "w.safetensors"
    path.write_bytes(edit)
    with pytest.raises(FileRefused, match=r"expected a \.safetensors file"):
        net().load_weights(path)


def test_foreign_names_are_told(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file({"dense.kernel": np.zeros((2, 2), "float32")}, path)
    with pytest.raises(FileRefused, match=r"not used: dense\.kernel"):
        net().load_weights(path)
