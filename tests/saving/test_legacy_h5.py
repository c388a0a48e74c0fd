"""Files `.h5`: those that real Keras 2.15 wrote (tests/data/keras2), and those of Keras 3."""

import json
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import lamina
from lamina import layers, models
from lamina.saving import FileRefused, _legacy_h5

FILES = Path(__file__).parents[1] / "data" / "keras2" / "files.zip"
WHOLE = (
    "sequential_dense", "functional_inputs", "convnet", "recurrent", "nested", "shared",
    "attention", "old_optimizer", "operators", "translator", "cudnn", "mixed",
)  # fmt: skip


@pytest.fixture(scope="module")
def keras2(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keras2")
    with zipfile.ZipFile(FILES) as archive:
        archive.extractall(folder)
    return folder


def inputs_of(arrays):
    named = {k[3:]: arrays[k] for k in arrays.files if k.startswith("in/")}
    return list(named.values()) if "x0" in named else named


def numbered(arrays, kind):
    return [arrays[k] for k in sorted(arrays.files) if k.startswith(f"{kind}/")]


def single(values):
    return values[0] if isinstance(values, list) and len(values) == 1 else values


def outputs(model, x):
    found = model.predict(single(x), verbose=0)
    return found if isinstance(found, list) else [found]


def check_predictions(model, arrays):
    expected = numbered(arrays, "out")
    for got, want in zip(outputs(model, inputs_of(arrays)), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


def double(x):
    return 2.0 * x


@pytest.mark.parametrize("name", WHOLE)
def test_a_model_of_keras_2_predicts_and_trains_on(keras2, name):
    """The same outputs, and the same losses in the three epochs that follow."""
    arrays = np.load(keras2 / f"{name}.npz")
    model = _legacy_h5.load_model(keras2 / f"{name}.h5", custom_objects={"double": double})
    check_predictions(model, arrays)
    if "losses" in arrays.files:
        history = model.fit(
            single(inputs_of(arrays)), single(numbered(arrays, "target")),
            batch_size=4, epochs=3, shuffle=False, verbose=0,
        ).history  # fmt: skip
        np.testing.assert_allclose(history["loss"], arrays["losses"], rtol=2e-6)
