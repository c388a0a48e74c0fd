"""`.keras` files: a zip archive of a model's configuration, its weights and its layers' assets."""

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from lamina._core.errors import describe, explain
from lamina._core.layer import Layer
from lamina._core.serialize import (
    CustomObjectScope,
)
from lamina.saving import _legacy_h5
from lamina.saving._archive import Archive, open_archive
from lamina.saving._assets import Assets, collect_assets
from lamina.saving._folder import FolderArchive, write_folder
from lamina.saving._hdf5 import open_hdf5
from lamina.saving._json import MAX_BYTES, read_json
from lamina.saving._legacy_config import is_legacy, modern
from lamina.saving._load_report import LoadReport
from lamina.saving._records import describe_model, model_from_record, nothing_left_behind
from lamina.saving._refusal import refuse
from lamina.saving._safetensors import read_safetensors, write_safetensors
from lamina.saving._weights import (
    budget_of,
    check_built,
    put_state,
    read_weights,
    take_state,
    write_weights,
)
from lamina.saving._weights_file import Reader, Writer
from lamina.utils._atomic import atomic_write

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
FORMAT = "3.15.0"  # the version of Keras whose files these are
_SPARE = 256 << 20  # bytes of variables beyond those in the file: states of metrics and seeds
_IN_MEMORY = 256 << 20  # weights beyond so many bytes go through a file of their own


# --- models -------------------------------------------------------------------------------------


def save_model(
    model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Save a model whole: configuration, weights, optimizer state, what compile() was given.

    An old file stays as it is until the new one is complete.

    Args:
        model: the model.
        filepath: a path that ends in '.keras' (or of a folder, with `zipped=False`), or a binary
            file open for writing.
        overwrite: whether an existing file is replaced.
        zipped: False for a folder of files instead of one archive.

    Raises:
        ValueError: another ending, or an object in the model that no file can describe.
        FileExistsError: there is a file, and `overwrite` is False.

    Example:
        >>> import tempfile, os, lamina
        >>> model = lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(2)])
        >>> path = os.path.join(tempfile.mkdtemp(), "model.keras")
        >>> save_model(model, path)
        >>> load_model(path).output_shape
        (None, 2)
    """
    if hasattr(filepath, "write"):
        _write_archive(model, filepath)
        return
    path = check_path("save_model", filepath, overwrite)
    if zipped is False:
        config = _config_text(model)
        write_folder(path, _small_members(config), lambda place: write_weights(model, place),
                     collect_assets(model))  # fmt: skip
        return
    if _legacy_h5.is_legacy_h5(path):
        _legacy_h5.save_model(model, path, **kwargs)
        return
    if path.suffix != ".keras":
        raise ValueError(
            explain(
                "save_model",
                "expected a path that ends in '.keras' (or '.h5')",
                f"{path.name!r}",
                f"write '{path.with_suffix('.keras').name}'; save_weights takes '.weights.h5'",
            )
        )
    with atomic_write(path) as temporary, open(temporary, "r+b") as file:
        _write_archive(model, file)


def load_model(
    filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Return the model in a file, which lamina or Keras 3 wrote.

    Nothing in the file is run, nor is any name from it imported: classes and functions are the
    library's own, those registered, and `custom_objects`.

    Args:
        filepath: a path of a '.keras' file or of a folder of such files, or a binary file.
        custom_objects: classes and functions by the names that the file gives them.
        compile: whether to compile the model as it was, with the optimizer's state.
        safe_mode: accepted for Keras' sake; loading is always safe.

    Raises:
        ValueError: the file is damaged, is no model, or names what is not known.
    """
    del safe_mode
    if not hasattr(filepath, "read") and _legacy_h5.is_legacy_h5(filepath):
        return _legacy_h5.load_model(existing("load_model", filepath), custom_objects, compile)
    with nothing_left_behind(), open_model_file(filepath) as archive:
        metadata: Any = None
        if METADATA in archive:
            metadata = read_json(archive.read(METADATA, MAX_BYTES), f"{archive.name}:{METADATA}")
        config = read_json(archive.read(CONFIG, MAX_BYTES), f"{archive.name}:{CONFIG}")
        if not isinstance(config, dict):
            raise refuse(f"{archive.name}:{CONFIG}", "expected a record", describe(config))
        if not compile:
            config["compile_config"] = None
        config = in_todays_form(config, metadata, custom_objects)
        stored = archive.size(WEIGHTS) if WEIGHTS in archive else 0
        model = model_from_record(config, custom_objects, _SPARE + 4 * stored, blank=True)
        if not isinstance(model, Layer):
            raise refuse(f"{archive.name}:{CONFIG}", "expected a model", describe(model))
        with _weights_of(archive, model) as reader:
            take_state(model, reader, archive.name, assets=Assets(archive))
    return model


def in_todays_form(config: Any, source: Any, custom_objects: Any = None) -> Any:
    """Return the record of a model, translated if `source` says that Keras 2 wrote it."""
    version = source.get("keras_version") if isinstance(source, dict) else None
    if version is None or not is_legacy(version):
        return config
    with CustomObjectScope(custom_objects or {}):
        return modern(config)


def _write_archive(model: Any, file: Any) -> None:
    config = _config_text(model)
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in _small_members(config).items():
            archive.writestr(name, text)
        _write_weights(model, archive, file)
        for name, data in collect_assets(model):
            archive.writestr(name, data)


def _config_text(model: Any) -> str:
    text = json.dumps(describe_model(model))
    read_json(text, CONFIG)  # what could not be loaded is not saved
    return text


def _small_members(config: str) -> dict[str, str]:
    now = datetime.now().astimezone().strftime("%Y-%m-%d@%H:%M:%S")
    return {METADATA: json.dumps({"keras_version": FORMAT, "date_saved": now}), CONFIG: config}


def _write_weights(model: Any, archive: zipfile.ZipFile, file: Any) -> None:
    import h5py

    size = budget_of(model) // 2
    large = size > _IN_MEMORY and isinstance(getattr(file, "name", None), str)
    place = os.path.dirname(file.name) if large else None
    with tempfile.TemporaryFile(dir=place) if large else io.BytesIO() as weights:
        with h5py.File(weights, "w") as store:
            put_state(model, Writer(store))
        weights.seek(0)
        with archive.open(zipfile.ZipInfo(WEIGHTS), "w", force_zip64=size > 1 << 31) as member:
            while block := weights.read(1 << 20):
                member.write(block)


@contextmanager
def open_model_file(filepath: Any) -> Iterator[Archive | FolderArchive]:
    """Open a `.keras` file, or a folder of the same files, and give its members."""
    if not hasattr(filepath, "read"):
        path = Path(os.fspath(filepath))
        if path.is_dir():
            folder = FolderArchive(path)
            if "saved_model.pb" in folder:
                raise refuse(
                    path.name,
                    "expected a folder that save_model wrote",
                    "a SavedModel of TensorFlow",
                    "load it with TensorFlow's Keras, and there model.save('model.h5')",
                )
            yield folder
            return
        if not path.is_file():
            raise FileNotFoundError(
                explain("load_model", "expected a file", f"no file {str(path)!r}")
            )
        if path.name.endswith((".weights.h5", ".weights.json", ".safetensors")):
            raise refuse(path.name, "expected a whole model, a .keras file", "weights alone",
                         "make the model, then call its load_weights with this path")  # fmt: skip
    with open_archive(filepath) as archive:
        yield archive


@contextmanager
def _weights_of(archive: Archive | FolderArchive, model: Any) -> Iterator[Reader]:
    budget = budget_of(model)
    if WEIGHTS not in archive:
        raise refuse(archive.name, f"expected a member '{WEIGHTS}'", ", ".join(archive.names()[:9]),
                     "weights in other formats are not read; save the model again")  # fmt: skip
    # HDF5 has a few KiB of its own for each object.
    with archive.open(WEIGHTS, 4 * budget) as file, open_hdf5(file, budget) as root:
        yield Reader(root)


# --- weights ------------------------------------------------------------------------------------


def save_weights(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    **kwargs: Any,
) -> None:
    """Save the weights of a model, and the state of its optimizer, without its configuration.

    Args:
        model: a built model.
        filepath: a path that ends in '.weights.h5' or '.safetensors', or in '.h5' for the form of
            Keras 2; '.weights.json' with `max_shard_size`.
        overwrite: whether an existing file is replaced.
        max_shard_size: GiB of weights in a file, where there shall be several.
        kwargs: `objects_to_skip`: layers and other objects that are left out.

    Raises:
        ValueError: another ending, a model without weights yet, or a weight larger than a file.
        FileExistsError: there is a file, and `overwrite` is False.
    """
    skip = _to_skip("save_weights", kwargs)
    path = check_path("save_weights", filepath, overwrite)
    if _legacy_h5.is_legacy_h5(path) and max_shard_size is None and not skip:
        _legacy_h5.save_weights(model, path)
        return
    if path.suffix == ".safetensors" and max_shard_size is None:
        check_built(model, "save_weights")
        write_safetensors(model, path, skip)
        return
    endings = (".weights.h5",) if max_shard_size is None else ("weights.h5", "weights.json")
    if not path.name.endswith(endings):
        raise ValueError(
            explain(
                "save_weights",
                f"expected a path that ends in '{endings[-1]}'",
                f"{path.name!r}",
                f"write '{path.stem.removesuffix('.weights')}.{endings[-1].lstrip('.')}'",
            )
        )
    check_built(model, "save_weights")
    write_weights(model, path, max_shard_size, skip)


def load_weights(
    model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any
) -> LoadReport:
    """Load the weights of a model from a file; all of them, or none.

    Args:
        model: a built model.
        filepath: a path of a '.weights.h5', '.weights.json', '.safetensors' or '.keras' file, or of
            an '.h5' file as Keras 2 wrote it.
        skip_mismatch: whether layers whose weights are missing or of other shapes are left alone.
        kwargs: `objects_to_skip`: layers and other objects that are left alone; `by_name`, for
            files of Keras 2: whether layers get what the file has under their names.

    Returns:
        The report: which objects matched, which are missing, which differ.

    Raises:
        ValueError: the weights do not fit (the message has the report), or a damaged file.
    """
    by_name = kwargs.pop("by_name", False)
    skip = _to_skip("load_weights", kwargs)
    check_built(model, "load_weights")
    path = existing(f"{model.name}.load_weights", filepath)
    if path.suffix in (".h5", ".hdf5") and not skip and _legacy_h5.holds_layers(path):
        return _legacy_h5.load_weights(model, path, skip_mismatch, by_name)
    if path.suffix == ".safetensors" and not by_name:
        return read_safetensors(model, path, skip_mismatch, skip)
    if by_name:
        raise ValueError(
            explain(
                f"{model.name}.load_weights", "expected a file of Keras 2's form, as by_name=True",
                f"{path.name!r}", "leave by_name out: such files go by the places of layers",
            )
        )  # fmt: skip
    if path.suffix == ".keras":
        with open_archive(path) as archive, _weights_of(archive, model) as reader:
            return take_state(model, reader, path.name, skip_mismatch, skip)
    if path.name.endswith(("weights.h5", "weights.json")):
        return read_weights(model, path, skip_mismatch, skip)
    raise ValueError(
        explain(
            f"{model.name}.load_weights",
            "expected a path that ends in '.weights.h5', '.weights.json' or '.keras'",
            f"{path.name!r}",
        )
    )


def existing(where: str, filepath: Any) -> Path:
    """Return the path of a file that is there.

    Raises:
        FileNotFoundError: it is not.
    """
    path = Path(os.fspath(filepath))
    if not path.is_file():
        raise FileNotFoundError(
            explain(where, "expected a file", f"no file {str(path)!r}",
                    "the working directory is " + os.getcwd())
        )  # fmt: skip
    return path


def _to_skip(where: str, kwargs: dict[str, Any]) -> Any:
    skip = kwargs.pop("objects_to_skip", None)
    if kwargs:
        raise ValueError(
            explain(where, "expected only arguments that it knows", ", ".join(kwargs),
                    "beside the named ones it takes objects_to_skip")
        )  # fmt: skip
    return skip or ()


def check_path(where: str, filepath: Any, overwrite: bool) -> Path:
    """Return the path to write to.

    Raises:
        FileExistsError: there is a file, and `overwrite` is False.
    """
    if not isinstance(filepath, (str, os.PathLike)):
        raise ValueError(explain(where, "expected a path", describe(filepath), "'model.keras'"))
    path = Path(os.fspath(filepath))
    if not overwrite and path.exists():
        raise FileExistsError(
            explain(where, "expected a new path, as overwrite=False", f"{str(path)!r} exists",
                    "give another path, or overwrite=True")
        )  # fmt: skip
    return path


# --- architectures ------------------------------------------------------------------------------


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """Return a model with new weights, from what `model.to_json()` returned.

    Args:
        json_string: the text.
        custom_objects: classes and functions by the names that the text gives them.

    Raises:
        ValueError: it is no JSON, no model, or names what is not known.

    Example:
        >>> import lamina
        >>> model = lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(2, name="d")])
        >>> model_from_json(model.to_json()).layers[0].name
        'd'
    """
    config = read_json(json_string, "model_from_json")
    config = in_todays_form(config, config, custom_objects)
    model = model_from_record(config, custom_objects)
    if not isinstance(model, Layer):
        raise refuse("model_from_json", "expected the record of a model", describe(config))
    return model
