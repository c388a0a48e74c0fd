"""The file of a StableHLO artifact: programs, variables, and a manifest of both.

It is a zip archive: `manifest.json`; `variables.h5`; and for each endpoint `NAME.jax`, as
`jax.export` serializes it, and `NAME.mlirbc`, the same program as portable StableHLO bytecode, for
other runtimes. A program's first arguments are the variables, in the manifest's order.
"""

import io
import json
import os
import re
import zipfile
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from lamina._core.errors import explain
from lamina.export._signature import samples, symbolic, told
from lamina.saving._archive import open_archive
from lamina.saving._hdf5 import open_hdf5
from lamina.saving._json import MAX_BYTES, read_json
from lamina.saving._refusal import refuse
from lamina.saving._weights_file import put_array
from lamina.utils._atomic import atomic_write

PLATFORMS = ("cpu", "cuda", "tpu")
COLLECTIONS = ("variables", "trainable_variables", "non_trainable_variables")
RESERVED = (*COLLECTIONS, "endpoints", "signatures")  # attributes of every artifact
_MANIFEST, _VARIABLES = "manifest.json", "variables.h5"
_LARGEST = 2 << 30  # bytes of a program
_CALLBACK = re.compile(r"custom_call @[\w.]*callback|call_target_name = \"[\w.]*callback")


def write(archive: Any, filepath: Any, platforms: tuple[str, ...], check: bool) -> None:
    """Write the functions and variables of an `ExportArchive`, and compare what is read back."""
    _need_flatbuffers()
    variables = archive.variables
    collections = {
        **{name: getattr(archive, name) for name in COLLECTIONS},
        **archive.collections,
    }
    stored = list({id(v): v for found in collections.values() for v in found}.values())
    places = {id(v): i for i, v in enumerate(stored)}
    programs = {
        name: _export(name, endpoint, variables, platforms)
        for name, endpoint in archive.endpoints.items()
    }
    manifest = {
        "format": "lamina artifact", "version": 1, "jax": jax.__version__,
        "endpoints": {n: told(e.signature) for n, e in archive.endpoints.items()},
        "variables": [v.path for v in stored],
        "collections": {name: [places[id(v)] for v in c] for name, c in collections.items()},
    }  # fmt: skip
    with atomic_write(filepath) as temporary:
        with zipfile.ZipFile(temporary, "w") as file:
            file.writestr(_MANIFEST, json.dumps(manifest))
            file.writestr(_VARIABLES, _as_hdf5(stored))
            for name, program in programs.items():
                file.writestr(f"{name}.jax", program.serialize())
                file.writestr(f"{name}.mlirbc", program.mlir_module_serialized)
        if check:
            loaded = load(temporary)
            values = [v.raw() for v in variables]
            for name, endpoint in archive.endpoints.items():
                compare(name, endpoint, endpoint.pure(variables), values, getattr(loaded, name))


def _export(name: str, endpoint: Any, variables: list[Any], platforms: tuple[str, ...]) -> Any:
    values = [jax.ShapeDtypeStruct(v.shape, v.raw().dtype) for v in variables]
    program = jax.jit(endpoint.pure(variables))
    try:
        return export.export(program, platforms=platforms)(values, *symbolic(endpoint.signature))
    except Exception as error:
        said = str(error).split("\n")[0][:300]
        raise ValueError(
            explain(
                f"export of '{name}'",
                "expected a function that can be traced with open sizes, for these platforms: "
                + ", ".join(platforms),
                f"{type(error).__name__}: {said}",
                "give input_signature=[InputSpec(shape=...)] of fixed sizes, or fewer `platforms`",
            )
        ) from error


def compare(name: str, endpoint: Any, original: Any, values: Any, exported: Any) -> None:
    """Raise if a function and what was exported of it differ on random inputs.

    Args:
        name: of the endpoint.
        endpoint: whose signature says what to draw.
        original: the function of (values, *inputs).
        values: of the variables.
        exported: the function of the inputs.
    """
    inputs = samples(endpoint.signature, 3)
    want = [np.asarray(x) for x in jax.tree.leaves(jax.jit(original)(values, *inputs))]
    got = [np.asarray(x) for x in jax.tree.leaves(exported(*inputs))]
    for i, (a, b) in enumerate(zip(want, got, strict=True)):
        close = 1e-4 if a.dtype.itemsize > 2 else 5e-2
        one, other = (np.asarray(x, "float64" if a.dtype.kind in "fV" else a.dtype) for x in (a, b))
        if a.shape != b.shape or not np.allclose(one, other, close, close, equal_nan=True):
            largest = np.abs(one - other).max() if a.shape == b.shape else f"shape {b.shape}"
            raise ValueError(
                explain(f"export of '{name}'", f"expected output {i} to be as the model's",
                        f"a difference of {largest}", "check=False writes it all the same")
            )  # fmt: skip


def _as_hdf5(variables: list[Any]) -> bytes:
    import h5py

    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        for i, variable in enumerate(variables):
            put_array(file, str(i), variable.numpy())
    return data.getvalue()


def load(filepath: Any) -> "Artifact":
    """Return the functions and variables of an artifact.

    An artifact is a program: load only those from whom you would take a program. Programs that call
    back into Python are refused.

    Args:
        filepath: of the file.

    Raises:
        ValueError: it is no artifact, or a damaged one.

    Example:
        >>> import lamina, tempfile, os
        >>> model = lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(2)])
        >>> path = os.path.join(tempfile.mkdtemp(), "model.stablehlo")
        >>> model.export(path, verbose=False)
        >>> again = load(path)
        >>> again.endpoints
        ['serve']
        >>> bool((again([[1.0, 2.0, 3.0]]) == model(np.array([[1.0, 2.0, 3.0]]))).all())
        True
    """
    _need_flatbuffers()
    with open_archive(os.fspath(filepath)) as archive:
        manifest = read_json(archive.read(_MANIFEST, MAX_BYTES), f"{archive.name}:{_MANIFEST}")
        _check_manifest(manifest, archive.name)
        size = archive.size(_VARIABLES)
        with archive.open(_VARIABLES, size) as file, open_hdf5(file, size) as h5:
            arrays = [_array(h5, i) for i in range(len(manifest["variables"]))]
        programs = {}
        for name in manifest["endpoints"]:
            data = archive.read(f"{name}.jax", _LARGEST)
            programs[name] = _program(data, f"{archive.name}:{name}")
    return Artifact(manifest, arrays, programs)


def _array(h5: Any, number: int) -> Any:
    dataset = h5.dataset(str(number))
    if dataset is None:
        raise refuse(h5.where, f"expected an array {number}", "none")
    return jnp.asarray(dataset.read())


def _check_manifest(manifest: Any, where: str) -> None:
    if not isinstance(manifest, dict) or manifest.get("format") != "lamina artifact":
        raise refuse(where, "expected an artifact of lamina", "another manifest")
    endpoints, stored, collections = (
        manifest.get(key) for key in ("endpoints", "variables", "collections")
    )
    sound = isinstance(endpoints, dict) and bool(endpoints) and isinstance(stored, list)
    sound = sound and isinstance(collections, dict) and set(COLLECTIONS) <= set(collections)
    if not sound or not all(_is_attribute(n) for n in (*endpoints, *collections)):
        raise refuse(where, "expected names of endpoints, variables and collections", "others")
    for indices in collections.values():
        known = isinstance(indices, list) and all(
            type(i) is int and 0 <= i < len(stored) for i in indices
        )
        if not known:
            raise refuse(where, "expected places of variables", f"{indices!r:.60}")


def _is_attribute(name: Any) -> bool:
    return name.isidentifier() and name[0] != "_" and name not in ("endpoints", "signatures")


def _program(data: bytes, where: str) -> Any:
    try:
        program = export.deserialize(bytearray(data))
        text = program.mlir_module()
    except Exception as error:  # of jax, flatbuffers, struct and MLIR
        raise refuse(where, "expected a program", f"damaged data ({error!r:.100})") from error
    if _CALLBACK.search(text):
        raise refuse(where, "expected a program of its own", "a call into Python")
    return program


class Artifact:
    """What `load` returns: each endpoint is a method, each collection of variables an attribute.

    Called itself, it is its first endpoint.

    Args:
        manifest: names, signatures and collections.
        arrays: values of the variables.
        programs: by endpoint.
    """

    def __init__(self, manifest: dict[str, Any], arrays: list[Any], programs: Any) -> None:
        self.signatures: dict[str, Any] = manifest["endpoints"]
        self.endpoints = list(programs)
        for name, indices in manifest["collections"].items():
            setattr(self, name, [arrays[i] for i in indices])
        for name, program in programs.items():
            setattr(self, name, _Method(name, program, self.variables))  # type: ignore[attr-defined]

    def __call__(self, *args: Any) -> Any:
        return getattr(self, self.endpoints[0])(*args)

    def __repr__(self) -> str:
        return f"<Artifact endpoints={self.endpoints}>"


class _Method:
    """An exported function: takes numpy or jax arrays, and casts them as the model would."""

    def __init__(self, name: str, program: Any, values: list[Any]) -> None:
        self._name, self._values = name, values
        if [(a.shape, a.dtype) for a in program.in_avals[: len(values)]] != [
            (v.shape, v.dtype) for v in values
        ]:
            raise refuse(name, "expected a program that takes the variables", "another one")
        self._avals = program.in_avals[len(values) :]
        self._tree = program.in_tree.children()[0]
        self._run = jax.jit(program.call)

    def __call__(self, *args: Any) -> Any:
        wanted = self._tree.children()[1:]
        flat = []
        for part, structure in zip(args, wanted, strict=False):
            nested = structure.num_leaves != 1 or isinstance(part, dict)
            flat += jax.tree.leaves(part) if nested else [_unwrapped(part, structure)]
        if len(args) != len(wanted) or len(flat) != len(self._avals):
            raise ValueError(
                explain(self._name, f"expected {len(self._avals)} arrays, in the structure "
                        f"{', '.join(map(str, wanted))}", f"{len(flat)} arrays")
            )  # fmt: skip
        arrays = [jnp.asarray(x, aval.dtype) for x, aval in zip(flat, self._avals, strict=True)]
        for array, aval in zip(arrays, self._avals, strict=True):
            sizes = [s if isinstance(s, int) else None for s in aval.shape]
            if array.ndim != len(sizes) or any(
                s not in (None, n) for s, n in zip(sizes, array.shape, strict=True)
            ):
                raise ValueError(
                    explain(self._name, f"expected an array of shape {tuple(sizes)}",
                            f"shape {array.shape}")
                )  # fmt: skip
        grouped, start = [], 0
        for structure in wanted:
            end = start + structure.num_leaves
            grouped.append(jax.tree.unflatten(structure, arrays[start:end]))
            start = end
        return self._run(self._values, *grouped)


def _unwrapped(part: Any, structure: Any) -> Any:
    """[x] where the function takes a list of one; nested lists of numbers are arrays."""
    if isinstance(part, (list, tuple)) and len(part) == 1 and structure.num_nodes > 1:
        return part[0]
    return part


def _need_flatbuffers() -> None:
    try:
        import flatbuffers  # noqa: F401
    except ImportError as error:
        raise ImportError(
            explain("export", "expected the package flatbuffers", str(error),
                    "pip install lamina[export]")
        ) from None  # fmt: skip
