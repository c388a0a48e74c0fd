"""Files of Keras 2, spoiled: their configurations are translated, which must not open a door."""

import copy
import json
import random
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from lamina import saving, utils

from .watch import watched

FILES = Path(__file__).parents[1] / "data" / "keras2" / "files.zip"
NAMES = ("sequential_dense", "functional_inputs", "nested", "operators", "translator", "recurrent")
ODD = (
    None, True, -1, 10**12, "", "../../etc/passwd", [], {}, [None], "relu", "\0", "a/b",
    {"class_name": "Lambda", "config": {}}, {"class_name": "__lambda__", "config": {"code": "x"}},
    {"class_name": "function", "config": "load_model", "registered_name": "load_model"},
    {"class_name": "TFOpLambda", "config": {"name": "t", "function": "io.read_file"}},
    {"class_name": "system", "module": "os", "config": "true", "registered_name": None},
)  # fmt: skip


@pytest.fixture(scope="module")
def stored():
    with zipfile.ZipFile(FILES) as archive:
        return {name: archive.read(f"{name}.h5") for name in NAMES}


@utils.register_keras_serializable("spoiled")
def double(x):
    return 2.0 * x


def places(value, above=()):
    lists = enumerate(value) if isinstance(value, list) else ()
    for key, inner in value.items() if isinstance(value, dict) else lists:
        yield (*above, key)
        yield from places(inner, (*above, key))


def spoil_json(text, rng):
    """A value is replaced, removed, or put somewhere else."""
    value = json.loads(text)
    found = list(places(value))
    *above, key = rng.choice(found)
    inside = value
    for part in above:
        inside = inside[part]
    act = rng.randrange(3)
    if act == 0:
        inside[key] = copy.deepcopy(rng.choice(ODD))
    elif act == 1:
        del inside[key]
    else:
        other = value
        for part in rng.choice(found):
            other = other[part]
        inside[key] = copy.deepcopy(other)
    return json.dumps(value)


def spoil_names(file, rng):
    """A list of names is shuffled, cut, lengthened, or made of numbers."""
    groups = [file["model_weights"], *file["model_weights"].values(), file["optimizer_weights"]]
    group = rng.choice(groups)
    name = "layer_names" if "layer_names" in group.attrs else "weight_names"
    names = [str(x) for x in group.attrs.get(name, [])]
    rng.shuffle(names)
    group.attrs[name] = rng.choice(
        [names[1:] or "x", [*names, "more"], np.array([1.5, 2.0]), [*names, "../x"], names or "x"]
    )


def spoil(path, data, rng):
    kind, raw = rng.choice(["config", "config", "compile", "names", "flip", "cut"]), bytearray(data)
    if kind == "flip":
        for _ in range(rng.choice([1, 20])):
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    path.write_bytes(raw[: rng.randrange(len(raw))] if kind == "cut" else raw)
    if kind in ("flip", "cut"):
        return
    with h5py.File(path, "r+") as file:
        if kind == "names":
            spoil_names(file, rng)
        else:
            name = "model_config" if kind == "config" else "training_config"
            file.attrs[name] = spoil_json(file.attrs[name], rng)


@pytest.mark.parametrize("seed", range(4))
def test_spoiled_files_of_keras_2(stored, tmp_path, seed):
    """Loaded or refused with three parts; nothing else happens."""
    rng, path, outcomes = random.Random(seed), tmp_path / "x.h5", []
    for _ in range(25):
        spoil(path, stored[rng.choice(NAMES)], rng)
        read = saving.load_model if rng.random() < 0.8 else saving.inspect
        with watched(path), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read(path)
                outcomes.append("read")
            except ValueError as error:
                outcomes.append("refused" if "\n  Got " in str(error) else str(error))
    assert set(outcomes) == {"read", "refused"}
