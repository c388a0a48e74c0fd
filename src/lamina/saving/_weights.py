"""The state of a model, from its objects into files and back; loading changes all or nothing."""

import os
import warnings
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from lamina._core.errors import explain
from lamina._core.layer import Layer
from lamina._core.state import Scope, Variable
from lamina.saving._load_report import LoadReport, Problem
from lamina.saving._refusal import FileRefused, refuse
from lamina.saving._saveables import saveables
from lamina.saving._weights_file import (
    Incoming,
    Reader,
    ShardedWriter,
    Writer,
    group_of,
    open_weights,
)
from lamina.utils._atomic import atomic_write

_GIB = 1024**3
# Where `load_own_variables` takes the arrays "0", "1", ... and nothing else.
_NUMBERED = ("lamina._core.layer", "lamina.layers._lora")
_SPARE = 64 << 20  # bytes that own code of layers may read beyond what their variables hold


# --- writing ------------------------------------------------------------------------------------


def put_state(model: Any, writer: Writer, skip: Collection[Any] = ()) -> None:
    """Let every object of `model` put its arrays into `writer`."""
    for path, obj in saveables(model, skip):
        name = getattr(obj, "name", None)
        store = writer.store(path, name if isinstance(name, str) else None)
        store.announce()
        obj.save_own_variables(store)


def write_weights(
    model: Any, path: Any, max_shard_size: float | None = None, skip: Collection[Any] = ()
) -> None:
    """Write the weights of `model` to a file, or to several of at most `max_shard_size` GiB."""
    import h5py

    if max_shard_size is None:
        with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
            put_state(model, Writer(file), skip)
        return
    table = Path(path)
    table = table if table.suffix == ".json" else table.with_suffix(".json")
    with ExitStack() as stack:
        writer = ShardedWriter(table, max_shard_size * _GIB, stack)
        put_state(model, writer, skip)
        text = writer.table()
    with atomic_write(table) as temporary:  # last: until then it names the old files
        temporary.write_text(text)


# --- reading ------------------------------------------------------------------------------------


def read_weights(
    model: Any, path: Any, skip_mismatch: bool = False, skip: Collection[Any] = ()
) -> LoadReport:
    """Load the weights of `model` from a file; see `take_state`."""
    with open_weights(path, budget_of(model)) as reader:
        return take_state(model, reader, os.path.basename(path), skip_mismatch, skip)


def budget_of(model: Any) -> int:
    """Return how many bytes of arrays the files of `model` may hold: twice its variables'."""
    owners = (model, getattr(model, "optimizer", None))
    variables = {id(v): v for o in owners for v in getattr(o, "variables", ())}.values()
    sizes = (v.size * np.dtype(v.raw().dtype).itemsize for v in variables)
    return 2 * sum(sizes) + _SPARE


def take_state(
    model: Any,
    reader: Reader,
    where: str,
    skip_mismatch: bool = False,
    skip: Collection[Any] = (),
    assets: Mapping[str, Any] | None = None,
) -> LoadReport:
    """Let every object of `model` take its arrays from `reader`: all of them, or none.

    Variables are written in a scope, which is left only when nothing is wrong; what else the
    objects keep in attributes is put back if anything is.

    Args:
        model: a built model.
        reader: of the file.
        where: the file, as errors name it.
        skip_mismatch: whether objects that do not fit keep what they have, with a warning.
        skip: objects that are left alone.
        assets: folders of files, by path; None if the file holds none.

    Raises:
        FileRefused: some object does not fit; the message has the report.
    """
    found = list(saveables(model, skip))
    kept = [(obj, dict(vars(obj))) for _, obj in found]
    report, asked = LoadReport(), set()
    try:
        with Scope() as scope:
            for path, obj in found:
                asked.add(path)
                _take(obj, path, reader, scope, report)
        report.unused = [path for path in reader.paths() if path not in asked]
        if not report.ok and not skip_mismatch:
            raise refuse(where, "expected the weights of this model", f"{report}", _advice(report))
        if assets is not None:
            _take_assets(found, assets)
    except BaseException:
        for obj, attributes in kept:
            vars(obj).clear()
            vars(obj).update(attributes)
        raise
    for variable, value in scope.values.items():
        variable.assign(value)
    if not report.ok:
        warnings.warn(f"{where}: some weights were not loaded.\n{report}", stacklevel=4)
    return report


def _advice(report: LoadReport) -> str:
    if report.missing and not report.matched:
        return "the file is of another model; load_model makes the model of a .keras file"
    return "load_weights(..., skip_mismatch=True) loads what fits and leaves the rest"


def _take(obj: Any, path: str, reader: Reader, outer: Scope, report: LoadReport) -> None:
    own, store = own_variables(obj), reader.store(path)
    if not store and (own == [] or not isinstance(obj, Layer)):
        return  # nothing to load; an optimizer that the file has not starts afresh
    problem = None if own is None else _unlike(obj, path, own, store)
    if problem is None:
        before = dict(vars(obj))
        try:
            with Scope() as scope:
                obj.load_own_variables(store)
            outer.values.update(scope.values)
        except FileRefused:
            raise  # damaged, or beyond the budget: no question of shapes
        except (ValueError, KeyError, TypeError) as error:
            vars(obj).clear()
            vars(obj).update(before)
            problem = Problem(path, _name(obj), "what its load_own_variables reads", f"{error}")
    if problem is not None:
        (report.mismatched if store else report.missing).append(problem)
    elif store:
        report.matched.append(path)


def own_variables(obj: Any) -> list[Variable] | None:
    """Return what an object's arrays "0", "1", ... are, if it stores plainly its own variables."""
    if type(obj).load_own_variables.__module__ not in _NUMBERED:
        return None
    return obj._merged_variables() if getattr(obj, "lora_enabled", False) else obj._own_weights()


def _unlike(obj: Any, path: str, own: list[Variable], store: Incoming) -> Problem | None:
    """What does not fit, told by the shapes alone."""
    expected = {str(i): v.shape for i, v in enumerate(own)}
    found = {key: dataset.shape for key, dataset in store.datasets.items()}
    if expected == found:
        return None
    names = {str(i): v.name for i, v in enumerate(own)}
    if expected.keys() == found.keys():
        wrong = [k for k in expected if expected[k] != found[k]]
        told = ", ".join(f"{names[k]} {expected[k]}" for k in wrong)
        return Problem(path, _name(obj), told, ", ".join(f"{found[k]}" for k in wrong))
    told = ", ".join(f"{names[k]} {shape}" for k, shape in expected.items()) or "no weights"
    if not obj.built:
        told = "a built layer: call it, or build(input_shape), first"
    got = f"{len(found)} arrays" if found else f"nothing at {group_of(path)}"
    return Problem(path, _name(obj), told, got)


def _name(obj: Any) -> str:
    return f"{getattr(obj, 'path', None) or getattr(obj, 'name', '')} ({type(obj).__name__})"


def _take_assets(found: list[tuple[str, Any]], assets: Mapping[str, Any]) -> None:
    for path, obj in found:
        if hasattr(obj, "load_assets") and path in assets:
            obj.load_assets(assets[path])


def check_built(model: Any, what: str) -> None:
    """Raise if the weights of `model` do not exist yet."""
    if not model.built:
        raise ValueError(
            explain(
                f"{model.name}.{what}",
                "expected a built model",
                "one whose weights do not exist yet",
                "call it on data, or call build(input_shape), first",
            )
        )
