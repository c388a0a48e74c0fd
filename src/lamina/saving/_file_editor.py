"""KerasFileEditor: the weights of a file as nested dictionaries, to compare, edit and save."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lamina._core.errors import describe, explain, nearest
from lamina.saving import _model_file
from lamina.saving._hdf5 import Budget, Dataset, Group, open_hdf5
from lamina.saving._inspect import FileContents, inspect
from lamina.saving._json import MAX_BYTES, read_json
from lamina.saving._load_report import printable
from lamina.saving._safetensors import arrays_of
from lamina.saving._weights_file import put_array
from lamina.utils._atomic import atomic_write

_EDITOR = "KerasFileEditor"


class KerasFileEditor:
    """Compare, edit and save again the weights of a file.

    `weights_dict` holds them: objects are dictionaries by name, with what is inside of them and
    their own arrays as "0", "1", ...

    Args:
        filepath: a path that ends in '.keras' or '.weights.h5'.

    Raises:
        ValueError: another ending, a damaged file, or one with what is never accepted.

    Example:
        >>> import lamina, tempfile, os
        >>> model = lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(2)])
        >>> path = os.path.join(tempfile.mkdtemp(), "old.weights.h5")
        >>> model.save_weights(path)
        >>> editor = KerasFileEditor(path)
        >>> editor.rename_object("layers/dense", "dense_1")
        >>> editor.save(path)
        >>> KerasFileEditor(path).weights_dict["layers"]["dense_1"]["0"].shape
        (3, 2)
    """

    def __init__(self, filepath: Any) -> None:
        self.filepath = filepath
        self.metadata: Any = None
        self.config: Any = None
        self.object_metadata: dict[str, dict[str, Any]] = {}
        path = _model_file.existing(_EDITOR, filepath)
        budget = Budget(4 * path.stat().st_size)
        if path.suffix == ".keras":
            with _model_file.open_model_file(path) as archive:
                self.metadata, self.config = (
                    read_json(archive.read(name, MAX_BYTES), f"{archive.name}:{name}")
                    for name in (_model_file.METADATA, _model_file.CONFIG)
                )
                name = _model_file.WEIGHTS
                with archive.open(name, archive.size(name)) as file, open_hdf5(file, budget) as h5:
                    self.weights_dict = self._read(h5)
        elif path.name.endswith(".weights.h5"):
            with open_hdf5(path, budget) as h5:
                self.weights_dict = self._read(h5)
        else:
            expected = "expected a path that ends in '.keras' or '.weights.h5'"
            raise ValueError(explain(_EDITOR, expected, f"{path.name!r}"))

    def _read(self, root: Group) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        for item in root.walk():
            place = _unfolded(item.path)
            if isinstance(item, Dataset):
                _put(tree, place, item.read())
            elif (name := item.attribute("name")) is not None:
                self.object_metadata[place] = {"name": name}
        return tree

    # --- looking --------------------------------------------------------------------------------

    def contents(self) -> FileContents:
        """Return what the file holds, as `saving.inspect` does."""
        return inspect(self.filepath)

    def summary(self) -> None:
        """Print the objects and the shapes of their arrays, as they are now."""
        print(printable(f"'{self.filepath}'"))
        for line in _lines(self.weights_dict, "", "", self.object_metadata):
            print(printable(line))

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Print what differs from a model, or from another file.

        Args:
            reference_model: a built model, a path of a file, or another editor.

        Returns:
            `status` ('success' or 'error'), `error_count` and `match_count`, of arrays.
        """
        theirs = dict(_leaves(_tree_of(reference_model)))
        ours = dict(_leaves(self.weights_dict))
        errors = [
            *(f"{path}: {ours[path].shape} here, {theirs[path].shape} there"
              for path in ours if path in theirs and ours[path].shape != theirs[path].shape),
            *(f"{path}: {theirs[path].shape} there, missing here"
              for path in theirs if path not in ours),
            *(f"{path}: {ours[path].shape} here, missing there"
              for path in ours if path not in theirs),
        ]  # fmt: skip
        for line in errors:
            print(printable(line))
        matches = sum(p in theirs and ours[p].shape == theirs[p].shape for p in ours)
        print(f"{matches} arrays match, {len(errors)} differ")
        status = "error" if errors else "success"
        return {"status": status, "error_count": len(errors), "match_count": matches}

    # --- editing --------------------------------------------------------------------------------

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another name.

        Args:
            object_name: its name, as 'dense_2', or its path, as 'layers/dense_2'.
            new_name: its name from now on.
        """
        parent, name = self._find(object_name)
        _check_name("rename_object", new_name)
        if new_name in parent and new_name != name:
            raise ValueError(
                explain(f"{_EDITOR}.rename_object", "expected a new name", f"{new_name!r} exists",
                        "delete_object or rename that one first")
            )  # fmt: skip
        renamed = {new_name if key == name else key: value for key, value in parent.items()}
        parent.clear()
        parent.update(renamed)  # in the old order

    def delete_object(self, object_name: str) -> None:
        """Remove an object, with all that is inside.

        Args:
            object_name: its name or path.
        """
        parent, name = self._find(object_name)
        del parent[name]

    def add_object(self, object_path: str, weights: dict[str, Any]) -> None:
        """Add an object.

        Args:
            object_path: its path, as 'layers/dense_2'; what it lies in must exist.
            weights: arrays by name, as {"0": kernel, "1": bias}.
        """
        above, _, name = object_path.rpartition("/")
        parent = self.weights_dict
        if above:
            outer, last = self._find(above, exact=True)
            parent = outer[last]
        _check_name("add_object", name)
        parent[name] = _checked_arrays("add_object", weights)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Remove an array of an object.

        Args:
            object_name: the object's name or path.
            weight_name: the array's, as '0'.
        """
        parent, name = self._find(object_name)
        if not isinstance(parent[name].get(weight_name), np.ndarray):
            raise ValueError(
                explain(f"{_EDITOR}.delete_weight", f"expected the name of a weight of {name!r}",
                        f"{weight_name!r}", f"it has: {', '.join(parent[name]) or 'none'}")
            )  # fmt: skip
        del parent[name][weight_name]

    def add_weights(self, object_name: str, weights: dict[str, Any]) -> None:
        """Add arrays to an object, or replace some.

        Args:
            object_name: the object's name or path.
            weights: arrays by name, as {"0": kernel, "1": bias}.
        """
        parent, name = self._find(object_name)
        parent[name].update(_checked_arrays("add_weights", weights))

    def save(self, filepath: Any) -> None:
        """Write the weights as they are now; an old file stays until the new one is complete.

        Args:
            filepath: a path that ends in '.weights.h5'.
        """
        import h5py

        path = Path(os.fspath(filepath))
        if not path.name.endswith(".weights.h5"):
            expected = "expected a path that ends in '.weights.h5'"
            raise ValueError(explain(f"{_EDITOR}.save", expected, f"{path.name!r}"))
        with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
            for place, array in _leaves(self.weights_dict):
                above, _, name = place.rpartition("/")
                group = file.require_group(f"{above}/vars" if above else "vars")
                put_array(group, name, array)
            for place, attributes in self.object_metadata.items():
                group = file.get(f"{place}/vars" if place else "vars")
                if group is not None:
                    group.attrs.update(attributes)

    def resave_weights(self, filepath: Any) -> None:
        """The older name of `save`."""
        self.save(filepath)

    def _find(self, name: str, exact: bool = False) -> tuple[dict[str, Any], str]:
        """Return the dictionary that holds an object, and its name there."""
        objects = dict(_objects(self.weights_dict, ""))
        if "/" in name or exact:
            found = [path for path in objects if path == name.strip("/")]
        else:
            found = [path for path in objects if path.rpartition("/")[2] == name]
        if len(found) != 1:
            near = nearest(name, objects)
            several = f"{len(found)} of them: {', '.join(found)}"
            guess = f"did you mean {near!r}?" if near else "summary() lists them"
            advice = "give the path" if found else guess
            raise ValueError(
                explain(_EDITOR, "expected the name or path of an object",
                        several if found else f"{name!r}", advice)
            )  # fmt: skip
        above, _, last = found[0].rpartition("/")
        return (objects[above] if above else self.weights_dict), last


def _unfolded(path: str) -> str:
    """'layers/dense/vars/0' -> 'layers/dense/0': arrays lie in their object itself."""
    parts = path.split("/")
    return "/".join(p for i, p in enumerate(parts) if p != "vars" or i < len(parts) - 2)


def _put(tree: dict[str, Any], path: str, array: Any) -> None:
    *above, name = path.split("/")
    for part in above:
        tree = tree.setdefault(part, {})
    tree[name] = array


def _tree_of(reference: Any) -> dict[str, Any]:
    if isinstance(reference, KerasFileEditor):
        return reference.weights_dict
    if isinstance(reference, (str, os.PathLike)):
        return KerasFileEditor(reference).weights_dict
    tree: dict[str, Any] = {}
    for path, array in arrays_of(reference).items():
        _put(tree, _unfolded(path), array)
    return tree


def _leaves(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        inner = f"{path}/{name}" if path else name
        if isinstance(value, dict):
            yield from _leaves(value, inner)
        else:
            yield inner, value


def _objects(tree: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            inner = f"{path}/{name}" if path else name
            yield inner, value
            yield from _objects(value, inner)


def _lines(tree: dict[str, Any], path: str, indent: str, told: dict[str, Any]) -> Iterator[str]:
    for i, (name, value) in enumerate(tree.items()):
        last = i == len(tree) - 1
        inner = f"{path}/{name}" if path else name
        branch = f"{indent}{'└─' if last else '├─'} {name}"
        if not isinstance(value, dict):
            yield f"{branch}: {value.shape} {value.dtype}"
            continue
        known = told.get(inner, {}).get("name")
        yield f"{branch} ('{known}')" if known else branch
        yield from _lines(value, inner, indent + ("   " if last else "│  "), told)


def _check_name(method: str, name: Any) -> None:
    if not isinstance(name, str) or not name or "/" in name or name in (".", "..", "vars"):
        expected = "expected a name without '/', 'vars' excepted"
        raise ValueError(explain(f"{_EDITOR}.{method}", expected, describe(name)))


def _checked_arrays(method: str, weights: Any) -> dict[str, np.ndarray]:
    if not isinstance(weights, dict):
        expected = "expected a dictionary of arrays by name"
        raise ValueError(
            explain(f"{_EDITOR}.{method}", expected, describe(weights), '{"0": kernel, "1": bias}')
        )
    for name in weights:
        _check_name(method, name)
    return {name: np.asarray(value) for name, value in weights.items()}
