"""What a file holds, without making any of it: classes, shapes, sizes, versions."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamina._core import serialize
from lamina.saving import _legacy_h5, _model_file
from lamina.saving._hdf5 import Budget, Dataset, Group, open_hdf5
from lamina.saving._json import MAX_BYTES, read_json
from lamina.saving._load_report import printable
from lamina.saving._refusal import refuse
from lamina.saving._safetensors import open_safetensors
from lamina.saving._weights_file import ShardedReader

_ATTRIBUTES = 64 << 20  # bytes of attributes that may be read; arrays are not
_SHOWN = 200  # rows of a table


@dataclass(frozen=True)
class StoredArray:
    """An array in a file.

    Args:
        path: its place there.
        shape: its shape.
        dtype: of its numbers, as the file names it.
        nbytes: bytes that they take in memory.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    nbytes: int


@dataclass(frozen=True)
class StoredLayer:
    """A layer, or an operation, in a configuration.

    Args:
        name: its name.
        class_name: of its class; with its package if it was registered, as 'lessons>Double'.
        depth: how many models it is inside of.
    """

    name: str
    class_name: str
    depth: int


@dataclass
class FileContents:
    """What `inspect` found.

    Args:
        file: the file's name.
        kind: 'model', 'model (Keras 2 form)', 'weights', 'weights (Keras 2 form)', 'safetensors'.
        nbytes: its size.
        version: of Keras, whose form it has.
        date: when it was saved, if it says so.
        layers: of the configuration, those of models inside too.
        classes: how often the configuration names each class, layers or not.
        unknown: classes and functions that loading would not find now.
        code: names of Lambda layers with code, which is never run.
        compiled: names of the optimizer, the losses and the metrics, as the file has them.
        arrays: of numbers.
        members: bytes of each file inside, for archives and folders.
    """

    file: str
    kind: str
    nbytes: int
    version: str | None = None
    date: str | None = None
    layers: list[StoredLayer] = field(default_factory=list)
    classes: dict[str, int] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    compiled: dict[str, Any] = field(default_factory=dict)
    arrays: list[StoredArray] = field(default_factory=list)
    members: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """The contents as text, with names that cannot disturb a terminal."""
        by = f" of Keras {self.version}" if self.version else ""
        when = f", saved {self.date}" if self.date else ""
        lines = [f"{self.file}: {self.kind}{by}{when}, {_bytes(self.nbytes)}"]
        lines += _table(
            ("layer", "class"), [("  " * x.depth + x.name, x.class_name) for x in self.layers]
        )
        lines += [f"{key}: {value}" for key, value in self.compiled.items() if value is not None]
        if self.unknown:
            lines.append(f"not known here: {', '.join(self.unknown)} (pass custom_objects)")
        if self.code:
            lines.append(f"code, which is never run: {', '.join(self.code)}")
        rows = [(a.path, str(a.shape), a.dtype, _bytes(a.nbytes)) for a in self.arrays]
        lines += _table(("array", "shape", "dtype", "size"), rows)
        total = sum(a.nbytes for a in self.arrays)
        lines.append(f"{len(self.arrays)} arrays, {_bytes(total)}")
        lines += _table(("member", "size"), [(k, _bytes(n)) for k, n in self.members.items()])
        return "\n".join(printable(line) for line in lines)


def inspect(filepath: Any) -> FileContents:
    """Return what a file of a model or of weights holds; nothing of it is made, nor any array read.

    Args:
        filepath: a path of a '.keras', '.weights.h5', '.weights.json', '.h5' or '.safetensors'
            file, or of a folder that `save_model(..., zipped=False)` made.

    Raises:
        ValueError: the file is damaged, of another kind, or has something that is never accepted.

    Example:
        >>> import lamina, tempfile, os
        >>> model = lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(2, name="d")])
        >>> path = os.path.join(tempfile.mkdtemp(), "m.keras")
        >>> model.save(path)
        >>> found = inspect(path)
        >>> [(layer.name, layer.class_name) for layer in found.layers][-1]
        ('d', 'Dense')
        >>> found.arrays[0].path, found.arrays[0].shape
        ('layers/dense/vars/0', (3, 2))
    """
    path = Path(os.fspath(filepath))
    if not path.is_dir():
        path = _model_file.existing("inspect", path)
    if path.suffix == ".safetensors":
        return _of_safetensors(path)
    if path.suffix in (".h5", ".hdf5"):
        return _of_hdf5(path)
    if path.suffix == ".json":
        return _of_shards(path)
    if path.suffix == ".keras" or path.is_dir():
        return _of_model(path)
    endings = "'.keras', '.h5', '.weights.json' or '.safetensors'"
    raise refuse("inspect", f"expected a path that ends in {endings}", f"{path.name!r}")


def _of_model(path: Path) -> FileContents:
    with _model_file.open_model_file(path) as archive:
        members = {name: archive.size(name) for name in archive.names()}
        found = FileContents(path.name, "model", sum(members.values()), members=members)
        if path.is_file():
            found.nbytes = path.stat().st_size
        metadata, config = (
            read_json(archive.read(name, MAX_BYTES), f"{archive.name}:{name}")
            if name in archive or name == _model_file.CONFIG
            else {}
            for name in (_model_file.METADATA, _model_file.CONFIG)
        )
        if isinstance(metadata, dict):
            found.version = _text(metadata.get("keras_version"))
            found.date = _text(metadata.get("date_saved"))
        _add_config(found, config)
        if _model_file.WEIGHTS in archive:
            size = archive.size(_model_file.WEIGHTS)
            with archive.open(_model_file.WEIGHTS, size) as file, open_hdf5(file, _budget()) as h5:
                found.arrays = list(_arrays_in(h5))
    return found


def _of_hdf5(path: Path) -> FileContents:
    found = FileContents(path.name, "weights", path.stat().st_size)
    with open_hdf5(path, _budget()) as root:
        found.arrays = list(_arrays_in(root))
        if not _legacy_h5.is_legacy_group(root):
            return found
        config = _legacy_h5.json_attribute(root, "model_config", path.name)
        found.kind = f"{'weights' if config is None else 'model'} (Keras 2 form)"
        found.version = _text(root.attribute("keras_version"))
        training = _legacy_h5.json_attribute(root, "training_config", path.name) or {}
        optimizer = training.pop("optimizer_config", None)
        _add_config(found, config or {}, {"optimizer": optimizer, **training})
    return found


def _of_shards(path: Path) -> FileContents:
    found = FileContents(path.name, "weights", path.stat().st_size)
    with ExitStack() as stack:
        for name, root in ShardedReader(path, _budget(), stack).roots().items():
            found.members[name] = path.with_name(name).stat().st_size
            found.arrays += _arrays_in(root)
    return found


def _of_safetensors(path: Path) -> FileContents:
    found = FileContents(path.name, "safetensors", path.stat().st_size)
    with open_safetensors(path) as tensors:
        found.arrays = [StoredArray(t.name, t.shape, t.dtype, t.nbytes) for t in tensors.values()]
    return found


def _budget() -> Budget:
    return Budget(_ATTRIBUTES)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)[:80]


def _arrays_in(root: Group) -> Iterator[StoredArray]:
    for item in root.walk():
        if isinstance(item, Dataset):
            yield StoredArray(item.path, item.shape, str(item.dtype), item.nbytes)


# --- configurations ------------------------------------------------------------------------------


def _add_config(found: FileContents, config: Any, compiled: Any = None) -> None:
    if not isinstance(config, dict) or "class_name" not in config:
        return
    found.layers = list(_layers(config, 0))
    counts: Counter[str] = Counter()
    for record in _records([config, compiled]):
        counts[_class_of(record)] += 1
        if _has_code(record):
            found.code.append(str(record["config"].get("name", "lambda")))
        if not _is_known(record) and _class_of(record) not in found.unknown:
            found.unknown.append(_class_of(record))
    found.classes = dict(counts)
    compiled = config.get("compile_config") or compiled or {}
    if isinstance(compiled, dict):
        wanted = ("optimizer", "loss", "metrics", "weighted_metrics")
        found.compiled = {key: _named(compiled[key]) for key in wanted if compiled.get(key)}


def _layers(record: dict[str, Any], depth: int) -> Iterator[StoredLayer]:
    config = record.get("config")
    inside = config.get("layers") if isinstance(config, dict) else config
    for layer in inside if isinstance(inside, list) else ():
        if isinstance(layer, dict):
            own = layer.get("config") if isinstance(layer.get("config"), dict) else {}
            name = layer.get("name") or own.get("name")
            yield StoredLayer(str(name), _class_of(layer), depth)
            yield from _layers(layer, depth + 1)


def _records(structure: Any) -> Iterator[dict[str, Any]]:
    stack = [structure]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            name = item.get("class_name")
            if isinstance(name, str) and "config" in item and name[:2] != "__":
                yield item
            stack.extend(reversed(item.values()))
        elif isinstance(item, list):
            stack.extend(reversed(item))


def _class_of(record: dict[str, Any]) -> str:
    registered, name = record.get("registered_name"), record.get("class_name")
    if name in ("function", "class"):
        return str(record.get("config") if registered in (None, name) else registered)
    return str(registered if isinstance(registered, str) and ">" in registered else name)


def _is_known(record: dict[str, Any]) -> bool:
    """Whether loading finds the class; operations, and what Keras 2 named, are not looked up."""
    name, module = _class_of(record), str(record.get("module") or "")
    if module.startswith("keras.src.ops.") or "module" not in record:
        return ">" not in name or serialize.get_registered_object(name) is not None
    try:
        plain, registered = record.get("class_name"), record.get("registered_name")
        serialize.find(name if plain in ("function", "class") else plain, module, registered)
    except ValueError:
        return False
    return True


def _has_code(record: dict[str, Any]) -> bool:
    config = record["config"]
    function = config.get("function") if isinstance(config, dict) else None
    if record["class_name"] != "Lambda":
        return False
    return isinstance(function, list) or (
        isinstance(function, dict) and function.get("class_name") == "__lambda__"
    )


def _named(value: Any) -> Any:
    if isinstance(value, dict) and "class_name" in value:
        return _class_of(value)
    if isinstance(value, dict):
        return {k: _named(v) for k, v in value.items()}
    return [_named(v) for v in value] if isinstance(value, list) else value


# --- text ----------------------------------------------------------------------------------------


def _bytes(n: int) -> str:
    for unit in ("B", "KB", "MB"):
        if n < 1000:
            return f"{n:.3g} {unit}" if unit != "B" else f"{n} B"
        n = n / 1000  # type: ignore[assignment]
    return f"{n:.3g} GB"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    shown = [head, *rows[:_SHOWN]]
    widths = [min(max(len(row[i]) for row in shown), 80) for i in range(len(head))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in shown]
    more = [f"... and {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else []
    return ["", *lines, *more, ""]
