"""Data sets of the files in a folder: images, texts and sounds, one folder per class."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from lamina._core import config
from lamina._core.configurable import is_real
from lamina._core.errors import describe, explain, unknown
from lamina.utils._dataset import Dataset
from lamina.utils._image import img_to_array, load_img
from lamina.utils._image_resize import KERNELS, resized
from lamina.utils._wave import read_wave

IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_LABEL_MODES = ("int", "categorical", "binary")
_CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Return the images in a folder as a data set of batches.

    Args:
        directory: the folder, with a folder inside for each class.
        labels: 'inferred' from the folders' names; None for none; or a list of class numbers, in
            the order of the files' paths.
        label_mode: 'int' for class numbers, 'categorical' for one-hot rows, 'binary' for 0.0 and
            1.0, None for no labels.
        class_names: the folders, in the order in which they are numbered.
        color_mode: 'grayscale', 'rgb' or 'rgba'.
        batch_size: images at a time; None for single ones.
        image_size: (height, width) in pixels.
        shuffle: whether every pass has an order of its own; else the files are sorted.
        seed: of the order, and of what is kept for validation.
        validation_split: fraction of the files that is kept.
        subset: 'training', 'validation', or 'both' for the two of them.
        interpolation: 'bilinear', 'nearest', 'bicubic', 'area', 'lanczos3', 'lanczos5',
            'gaussian' or 'mitchellcubic'.
        follow_links: whether to look into folders behind links.
        crop_to_aspect_ratio, pad_to_aspect_ratio: what to do about images of other proportions;
            by default they are distorted.
        data_format: 'channels_last' or 'channels_first'.
        format: is not looked at; the result works with everything.
        verbose: whether to print what was found.

    Shapes:
        images (N, H, W, C), float32 from 0 to 255; labels (N,), (N, classes) or (N, 1).

    Returns:
        A data set with the attributes `class_names` and `file_paths`; two of them for 'both'.

    Raises:
        ValueError: options that do not fit, or a folder without images.
    """
    where = "image_dataset_from_directory"
    del format
    if color_mode not in _CHANNELS:
        raise ValueError(unknown("color_mode", color_mode, _CHANNELS))
    if interpolation.lower() not in KERNELS:
        raise ValueError(unknown("interpolation", interpolation, KERNELS))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        expected = "expected one of crop_to_aspect_ratio and pad_to_aspect_ratio"
        raise ValueError(explain(where, expected, "both"))
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2:
        expected = "expected image_size=(height, width)"
        raise ValueError(explain(where, expected, describe(image_size), "as (180, 180)"))
    first = config.standardize_data_format(data_format) == "channels_first"
    fit = "crop" if crop_to_aspect_ratio else "pad" if pad_to_aspect_ratio else "stretch"

    def load(path: str) -> np.ndarray:
        x = img_to_array(load_img(path, color_mode), "channels_last", "float32")
        x = resized(x, size, interpolation.lower(), fit)
        return x.transpose(2, 0, 1) if first else x

    return _dataset(
        where, directory, labels, label_mode, class_names, batch_size, shuffle, seed,
        validation_split, subset, follow_links, verbose, IMAGES, load, _stacked,
    )  # fmt: skip


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Return the .txt files in a folder as a data set of batches of strings.

    Args:
        max_length: characters of each text that are kept (default: all).
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split,
            subset, follow_links, format, verbose: see `image_dataset_from_directory`.

    Shapes:
        texts (N,), Python strings; labels (N,), (N, classes) or (N, 1).

    Raises:
        ValueError: options that do not fit, or a folder without .txt files.
    """
    del format

    def load(path: str) -> str:
        return Path(path).read_text("utf-8", "replace")[:max_length]

    return _dataset(
        "text_dataset_from_directory", directory, labels, label_mode, class_names, batch_size,
        shuffle, seed, validation_split, subset, follow_links, verbose, (".txt",), load, _strings,
    )  # fmt: skip


def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Return the .wav files in a folder as a data set of batches.

    Args:
        sampling_rate: samples per second of the result (default: as in the files).
        output_sequence_length: samples of each sound, which is cut or filled up with 0 (default:
            those of the longest one in the batch).
        ragged: must be False: arrays have one length.
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split,
            subset, follow_links, format, verbose: see `image_dataset_from_directory`.

    Shapes:
        sounds (N, T, C), float32 from -1 to 1; labels (N,), (N, classes) or (N, 1).

    Raises:
        ValueError: options that do not fit, or a folder without .wav files.
    """
    where = "audio_dataset_from_directory"
    del format
    if ragged:
        help = "leave it out: shorter sounds are filled up with 0"
        raise ValueError(explain(where, "expected ragged=False", "True", help))

    def load(path: str) -> np.ndarray:
        return read_wave(path, sampling_rate, output_sequence_length)

    return _dataset(
        where, directory, labels, label_mode, class_names, batch_size, shuffle, seed,
        validation_split, subset, follow_links, verbose, (".wav",), load, _filled_up,
    )  # fmt: skip


# --- files and labels ---------------------------------------------------------------------------


def _dataset(
    where: str, directory: Any, labels: Any, label_mode: str | None,
    class_names: Sequence[str] | None, batch_size: int | None, shuffle: bool, seed: int | None,
    validation_split: float | None, subset: str | None, follow_links: bool, verbose: bool,
    endings: tuple[str, ...], load: Callable[[str], Any], stack: Callable[[list[Any]], Any],
) -> Any:  # fmt: skip
    """Return a data set, or two, of what `load` makes of the files."""
    if labels is None or label_mode is None:
        labels = label_mode = None
    elif label_mode not in _LABEL_MODES:
        raise ValueError(unknown("label_mode", label_mode, _LABEL_MODES))
    _check_split(where, validation_split, subset, shuffle, seed)
    if seed is None:
        seed = int(np.random.randint(10**6))  # noqa: NPY002  set_random_seed fixes it
    paths, numbers, names = _index(
        where, Path(directory), labels, class_names, endings, follow_links
    )
    if not paths:
        shown = ", ".join(endings)
        raise ValueError(
            explain(
                where,
                f"expected files that end in {shown} in folders of {directory}",
                "none",
                "each class has a folder of its own in there; labels=None reads files without",
            )
        )
    if verbose:
        of = "" if names is None else f" belonging to {len(names)} classes"
        print(f"Found {len(paths)} files{of}.")
    if label_mode == "binary" and len(names or ()) != 2:
        expected = "expected two classes with label_mode='binary'"
        raise ValueError(explain(where, expected, describe(names), "use label_mode='int'"))
    if shuffle:
        order = np.arange(len(paths))
        np.random.RandomState(seed).shuffle(order)
        paths, numbers = [paths[i] for i in order], numbers[order]
    made = _labels(numbers, label_mode, len(names or ()))
    parts = []
    for kind in ("training", "validation") if subset == "both" else (subset,):
        part = _part(len(paths), validation_split, kind)
        if verbose and kind is not None:
            print(f"Using {len(range(len(paths))[part])} files for {kind}.")
        given = None if made is None else made[part]
        again = shuffle and not (subset == "both" and kind == "validation")
        parts.append(_files(paths[part], given, load, stack, batch_size, again, seed, names))
    return parts if subset == "both" else parts[0]


def _check_split(
    where: str, fraction: float | None, subset: str | None, shuffle: bool, seed: int | None
) -> None:
    if fraction and not (is_real(fraction) and 0 < fraction < 1):
        raise ValueError(
            explain(where, "expected a validation_split between 0 and 1", describe(fraction))
        )
    if subset not in ("training", "validation", "both", None):
        raise ValueError(unknown("subset", subset, ("training", "validation", "both")))
    if bool(fraction) != bool(subset):
        raise ValueError(
            explain(
                where,
                "expected validation_split and subset together",
                f"validation_split={fraction}, subset={subset!r}",
                "validation_split=0.2, subset='both', seed=1 gives two data sets",
            )
        )
    if fraction and shuffle and seed is None:
        raise ValueError(
            explain(
                where,
                "expected a seed, so that no file is in both subsets",
                "seed=None",
                "give the same seed to both calls",
            )
        )


def _index(
    where: str, directory: Path, labels: Any, class_names: Sequence[str] | None,
    endings: tuple[str, ...], follow_links: bool,
) -> tuple[list[str], np.ndarray, list[str] | None]:  # fmt: skip
    """Return paths in order, the number of each one's class, and the names of the classes."""
    if not directory.is_dir():
        raise FileNotFoundError(explain(where, "expected a folder", f"{directory}"))
    if labels != "inferred":
        if class_names is not None:
            expected = "expected class_names only with labels='inferred'"
            raise ValueError(explain(where, expected, f"labels={describe(labels)}"))
        paths = _walk(directory, endings, follow_links)
        if labels is None:
            return paths, np.zeros(len(paths), "int32"), None
        if not isinstance(labels, (list, tuple, np.ndarray)) or len(labels) != len(paths):
            raise ValueError(
                explain(
                    where,
                    f"expected as `labels` 'inferred', None or one number for each of the "
                    f"{len(paths)} files",
                    describe(labels),
                )
            )
        return paths, np.asarray(labels, "int32"), [str(n) for n in sorted(set(labels))]
    found = sorted(e.name for e in directory.iterdir() if e.is_dir() and e.name[0] != ".")
    names = found if class_names is None else list(class_names)
    if not set(names) <= set(found):
        raise ValueError(
            explain(
                where,
                f"expected class_names among the folders {', '.join(found)}",
                ", ".join(map(str, names)),
            )
        )
    by_class = [_walk(directory / name, endings, follow_links) for name in names]
    numbers = np.repeat(np.arange(len(names), dtype="int32"), [len(p) for p in by_class])
    return [path for paths in by_class for path in paths], numbers, names


def _walk(folder: Path, endings: tuple[str, ...], follow_links: bool) -> list[str]:
    walked = sorted(os.walk(folder, followlinks=follow_links), key=lambda entry: entry[0])
    return [
        os.path.join(root, name)
        for root, _, names in walked
        for name in sorted(names)
        if name.lower().endswith(endings)
    ]


def _labels(numbers: np.ndarray, mode: str | None, classes: int) -> np.ndarray | None:
    if mode is None:
        return None
    if mode == "binary":
        return numbers.astype("float32")[:, None]
    return numbers if mode == "int" else np.eye(classes, dtype="float32")[numbers]


def _part(count: int, fraction: float | None, kind: str | None) -> slice:
    if kind is None:
        return slice(None)
    at = count - int((fraction or 0) * count)
    return slice(None, at) if kind == "training" else slice(at, None)


# --- elements -----------------------------------------------------------------------------------


def _files(
    paths: list[str], labels: np.ndarray | None, load: Callable[[str], Any],
    stack: Callable[[list[Any]], Any], batch_size: int | None, shuffle: bool, seed: int,
    class_names: list[str] | None,
) -> Dataset:  # fmt: skip
    """Return a data set that reads files in threads, those of the next batch ahead."""
    each = batch_size or 1
    passes = iter(range(1 << 62))

    def open() -> Iterator[Any]:
        order = np.arange(len(paths))
        if shuffle:
            np.random.default_rng((seed, next(passes))).shuffle(order)
        with _loaded(load, [paths[i] for i in order], 2 * each) as loaded:
            for start in range(0, len(order), each):
                part = order[start : start + each]
                x = stack(list(islice(loaded, len(part))))
                y = None if labels is None else labels[part]
                if batch_size is None:
                    x, y = x[0], None if y is None else y[0]
                yield x if y is None else (x, y)

    names = {"class_names": class_names, "file_paths": paths, "_batch_size": batch_size}
    return Dataset(open, -(-len(paths) // each), **names)


class _loaded:
    """What `load` returns for each path, in order; so many are at work at a time."""

    def __init__(self, load: Callable[[str], Any], paths: list[str], ahead: int) -> None:
        self._pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1), "lamina-files")
        self._load, self._paths, self._ahead = load, iter(paths), ahead

    def __enter__(self) -> Iterator[Any]:
        return self._results()

    def __exit__(self, *error: Any) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _results(self) -> Iterator[Any]:
        waiting = deque(
            self._pool.submit(self._load, path) for path in islice(self._paths, self._ahead)
        )
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(self._pool.submit(self._load, p) for p in islice(self._paths, 1))
            yield result


def _stacked(rows: list[Any]) -> np.ndarray:
    return np.stack(rows)


def _strings(rows: list[str]) -> np.ndarray:
    texts = np.empty(len(rows), object)
    texts[:] = rows
    return texts


def _filled_up(rows: list[np.ndarray]) -> np.ndarray:
    longest = max(len(r) for r in rows)
    return np.stack([np.pad(r, ((0, longest - len(r)), (0, 0))) for r in rows])  # (N, T, C)
