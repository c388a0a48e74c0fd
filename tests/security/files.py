"""Valid files of one small model, in every form, to be spoiled; and how each is loaded."""

import dataclasses
import importlib.util
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import lamina
from lamina import layers, saving

HAS_SAFETENSORS = importlib.util.find_spec("safetensors") is not None
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


def _stack() -> Any:
    parts = [lamina.Input((3,)), layers.Dense(4, name="a"), layers.Dense(2, name="b")]
    return lamina.Sequential(parts, name="m")


def _graph() -> Any:
    """Shared layers, an op, a model inside, and a compiled model's optimizer."""
    x = lamina.Input((3,), name="in")
    shared = layers.Dense(3, "relu", name="shared", kernel_regularizer="l2")
    inner = lamina.Sequential([lamina.Input((3,)), layers.Dense(3, name="deep")], name="inside")
    y = layers.Add(name="sum")([shared(x), shared(inner(x))])
    y = layers.Dropout(0.5, name="drop")(y * 2.0)
    model = lamina.Model(x, layers.Dense(1, name="out")(y), name="g")
    model.compile(lamina.optimizers.Adam(lamina.optimizers.schedules.ExponentialDecay(0.1, 9, 0.9)),
                  loss="mse", metrics=["mae"])  # fmt: skip
    model.optimizer.build(model.trainable_variables)
    return model


def _image() -> Any:
    parts = [lamina.Input((8, 8, 2)), layers.Conv2D(2, 3, padding="same", name="conv"),
             layers.BatchNormalization(name="norm"), layers.MaxPooling2D(2), layers.Flatten(),
             layers.Dense(2, name="d")]  # fmt: skip
    return lamina.Sequential(parts, name="i")


def _text() -> Any:
    parts = [lamina.Input((4,), dtype="int32"), layers.Embedding(9, 3, mask_zero=True, name="e"),
             layers.Bidirectional(layers.LSTM(2, name="l"), name="both"),
             layers.LayerNormalization(name="n"), layers.Dense(1, name="d")]  # fmt: skip
    return lamina.Sequential(parts, name="t")


MODELS = {"": _stack, "graph": _graph, "image": _image, "text": _text}


def fresh(key: str = "") -> Any:
    """A model for a file of the form and model that `key` names: 'form|model'."""
    return MODELS[key.partition("|")[2]]()


def form_of(key: str) -> "Form":
    """The form of file that `key` names."""
    return FORMS[key.partition("|")[0]]


def state(model: Any) -> list[bytes]:
    """All weights of a model, bit for bit."""
    return [np.asarray(w).tobytes() for w in model.weights]


@dataclass
class Form:
    """A form of file.

    Args:
        name: of the file, or of the folder.
        save: writes it.
        hdf5: the file that is HDF5, relative to `name`'s folder; a member of an archive after '!'.
        load: model, path -> what loading returns; it changes the model or returns another.
        whole: whether loading returns a new model.
    """

    name: str
    save: Callable[[Any, Path], Any]
    hdf5: str | None
    load: Callable[[Any, Path], Any]
    whole: bool = False


def _model(_: Any, path: Path) -> Any:
    return saving.load_model(path)


def _weights(model: Any, path: Path) -> Any:
    return model.load_weights(path)


def _looked(_: Any, path: Path) -> Any:
    return str(saving.inspect(path))


def _opened(_: Any, path: Path) -> Any:
    return saving.KerasFileEditor(path)


FORMS = {
    ".keras": Form("m.keras", lambda m, p: m.save(p), f"m.keras!{WEIGHTS}", _model, True),
    ".keras weights": Form("m.keras", lambda m, p: m.save(p), f"m.keras!{WEIGHTS}", _weights),
    "folder": Form("m", lambda m, p: m.save(p, zipped=False), f"m/{WEIGHTS}", _model, True),
    ".weights.h5": Form("m.weights.h5", lambda m, p: m.save_weights(p), "m.weights.h5", _weights),
    "sharded": Form(
        "m.weights.json",
        lambda m, p: m.save_weights(p, max_shard_size=80 / 2**30),
        "m_00000.weights.h5",
        _weights,
    ),
    ".h5": Form("m.h5", lambda m, p: m.save(p), "m.h5", _model, True),
    ".h5 weights": Form("m.h5", lambda m, p: m.save_weights(p), "m.h5", _weights),
}
# The same files, looked at and edited.
FORMS |= {
    f"{name} {what}": dataclasses.replace(FORMS[name], load=load, whole=False)
    for what, load, names in (
        ("inspected", _looked, [name for name in FORMS if name != ".keras weights"]),
        ("edited", _opened, [".keras weights", ".weights.h5"]),
    )
    for name in names
}
if HAS_SAFETENSORS:
    FORMS["safetensors"] = Form("m.safetensors", lambda m, p: m.save_weights(p), None, _weights)


@cache
def saved(form: str) -> dict[str, bytes]:
    """The files of a form: name -> bytes."""
    with tempfile.TemporaryDirectory() as folder:
        form_of(form).save(fresh(form), Path(folder, form_of(form).name))
        files = (p for p in sorted(Path(folder).rglob("*")) if p.is_file())
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def lay_out(form: str, folder: Path, changed: dict[str, bytes] | None = None) -> Path:
    """Write the files of a form into an empty `folder`, some of them changed; return the path."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in {**saved(form), **(changed or {})}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    return folder / form_of(form).name


def members(archive: bytes) -> dict[str, bytes]:
    """The members of a zip archive."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(parts: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive of such members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return made.getvalue()


def hdf5_of(form: str) -> bytes:
    """The HDF5 file of a form."""
    name, _, member = (form_of(form).hdf5 or "").partition("!")
    data = saved(form)[name]
    return members(data)[member] if member else data


def with_hdf5(form: str, data: bytes) -> dict[str, bytes]:
    """What changes on the disk when a form gets another HDF5 file."""
    name, _, member = (form_of(form).hdf5 or "").partition("!")
    if member:
        data = zipped({**members(saved(form)[name]), member: data})
    return {name: data}


def edited(form: str, edit: Callable[[h5py.File, str], Any]) -> dict[str, bytes]:
    """What changes when `edit` is let loose on the HDF5 file and the path of an array in it."""
    made = io.BytesIO(hdf5_of(form))
    with h5py.File(made, "r+") as file:
        edit(file, next(_matrices(file), ""))
    return with_hdf5(form, made.getvalue())


def _matrices(file: h5py.File) -> Iterator[str]:
    found: list[str] = []
    file.visititems(lambda n, d: found.append(n) if getattr(d, "shape", None) == (3, 4) else None)
    yield from found


def configs_of(form: str) -> list[tuple[str, bytes]]:
    """The JSON texts of a form: (where, text)."""
    files = saved(form)
    if form.startswith(".keras"):
        parts = members(files["m.keras"])
        return [(f"m.keras!{n}", parts[n]) for n in (CONFIG, METADATA)]
    if form.startswith("folder"):
        return [(f"m/{n}", files[f"m/{n}"]) for n in (CONFIG, METADATA)]
    if form.startswith("sharded"):
        return [("m.weights.json", files["m.weights.json"])]
    if form.partition("|")[0] in (".h5", ".h5 inspected"):
        with h5py.File(io.BytesIO(files["m.h5"]), "r") as file:
            return [("m.h5@model_config", file.attrs["model_config"].encode())]
    return []


def with_config(form: str, where: str, text: bytes) -> dict[str, bytes]:
    """What changes when one of the JSON texts does."""
    name, _, member = where.partition("!")
    if member:
        return {name: zipped({**members(saved(form)[name]), member: text})}
    name, _, attribute = where.partition("@")
    if not attribute:
        return {name: text}

    def put(file: h5py.File, _: str) -> None:
        kept = text.replace(b"\0", b" ")  # or HDF5 ends it there
        short = len(kept) < 60_000
        file.attrs.modify(attribute, np.bytes_(kept) if short else kept.decode("utf-8", "replace"))

    return edited(form, put)


def compact(value: Any) -> bytes:
    """JSON for a value."""
    return json.dumps(value).encode()
