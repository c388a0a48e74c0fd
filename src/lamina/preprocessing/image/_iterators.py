"""Batches of images for an ImageDataGenerator: of arrays, folders and data frames."""

import os
import threading
import warnings
from collections.abc import Iterator as _Iterator
from typing import Any

import numpy as np

from lamina._core import config
from lamina._core.errors import describe, explain, unknown
from lamina.utils import PyDataset, array_to_img, img_to_array, load_img

_ENDINGS = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")
_CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


class Iterator(PyDataset):
    """Batches of rows by their number, without end in a `for`.

    Args:
        n: number of rows.
        batch_size: rows of a batch.
        shuffle: whether every pass has an order of its own.
        seed: of the order and of the random changes.
        kwargs: see `utils.PyDataset`.
    """

    white_list_formats = _ENDINGS

    def __init__(
        self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.batch_index = self.total_batches_seen = 0
        self.index_array: np.ndarray | None = None
        self.lock = threading.Lock()

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, idx: int) -> Any:
        if idx >= len(self):
            raise ValueError(
                explain(type(self).__name__, f"expected a number below {len(self)}", f"{idx}")
            )
        with self.lock:
            draw = self._draw()
            if self.index_array is None:
                self.index_array = self._order(draw)
            rows = self.index_array[self.batch_size * idx : self.batch_size * (idx + 1)]
        return self._batch(rows, draw)

    def __iter__(self) -> _Iterator[Any]:
        return self

    def __next__(self) -> Any:
        with self.lock:
            draw = self._draw()
            if self.batch_index == 0 or self.index_array is None:
                self.index_array = self._order(draw)
            start = self.batch_index * self.batch_size
            rows = self.index_array[start : start + self.batch_size]
            self.batch_index = (self.batch_index + 1) % len(self)
        return self._batch(rows, draw)

    next = __next__

    def _draw(self) -> Any:
        """Return the generator of a batch's random numbers."""
        seen = self.total_batches_seen
        self.total_batches_seen += 1
        # Without a seed it is numpy's global generator, so that np.random.seed fixes it.
        return np.random if self.seed is None else np.random.RandomState(self.seed + seen)

    def _order(self, draw: Any) -> np.ndarray:
        return draw.permutation(self.n) if self.shuffle else np.arange(self.n)

    def on_epoch_end(self) -> None:
        """Draw an order for the next pass."""
        self.index_array = self._order(np.random)

    def reset(self) -> None:
        """Begin with the first batch again."""
        self.batch_index = 0

    def _batch(self, rows: np.ndarray, draw: Any) -> Any:
        return self._get_batches_of_transformed_samples(rows)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        raise NotImplementedError(
            explain(
                type(self).__name__,
                "expected a method `_get_batches_of_transformed_samples`",
                "a class without one",
                "write it: it returns the batch of these row numbers",
            )
        )


class _Images(Iterator):
    """What the three kinds have in common: images are changed, saved if wanted, and labelled."""

    def _set(
        self, generator: Any, data_format: str | None, save_to_dir: Any, save_prefix: str,
        save_format: str, dtype: Any,
    ) -> None:  # fmt: skip
        self.image_data_generator = generator
        self.data_format = config.standardize_data_format(data_format)
        self.save_to_dir, self.save_prefix = save_to_dir, save_prefix
        self.save_format, self.dtype = save_format, dtype or config.floatx()

    def _batch(self, rows: np.ndarray, draw: Any) -> Any:
        x = np.stack([self._changed(self._image(row), draw) for row in rows]).astype(self.dtype)
        if self.save_to_dir:
            for row, image in zip(rows, x, strict=True):
                name = f"{self.save_prefix}_{row}_{draw.randint(10**7)}.{self.save_format}"
                array_to_img(image, self.data_format).save(os.path.join(self.save_to_dir, name))
        return self._labelled(x, rows)

    def _changed(self, x: np.ndarray, draw: Any) -> np.ndarray:
        generator = self.image_data_generator
        if generator is None:
            return x
        return generator.standardize(generator.apply_transform(x, generator._draw(x.shape, draw)))

    def _image(self, row: int) -> np.ndarray:
        raise NotImplementedError

    def _labelled(self, x: np.ndarray, rows: np.ndarray) -> Any:
        raise NotImplementedError

    def _part(self, count: int, subset: str | None) -> slice:
        """Return the rows of a subset: those for validation come first."""
        if subset is None:
            return slice(None)
        if subset not in ("training", "validation"):
            raise ValueError(unknown("subset", subset, ("training", "validation")))
        at = int(count * self.image_data_generator._validation_split)
        return slice(0, at) if subset == "validation" else slice(at, None)


class NumpyArrayIterator(_Images):
    """Batches of images in an array.

    Args:
        x: (N, H, W, C), or channels first; or (images, other inputs).
        y: labels.
        image_data_generator: changes the images.
        batch_size, shuffle, seed: see `Iterator`.
        sample_weight: a weight per image.
        data_format: 'channels_last' or 'channels_first'.
        save_to_dir, save_prefix, save_format: where to write the changed images.
        subset: 'training' or 'validation'.
        ignore_class_split: whether the two may have different classes.
        dtype: of the images.

    Raises:
        ValueError: other numbers of labels, or other axes.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: Any = None,
    ) -> None:
        self._set(image_data_generator, data_format, save_to_dir, save_prefix, save_format, dtype)
        images, others = x, []
        if isinstance(x, (tuple, list)):
            images, others = x[0], x[1] if isinstance(x[1], list) else [x[1]]
        images = np.asarray(images, self.dtype)
        if images.ndim != 4:
            raise ValueError(
                explain(
                    "flow", "expected images of four axes", describe(images), "use x[..., None]"
                )
            )
        labels = None if y is None else np.asarray(y)
        weights = None if sample_weight is None else np.asarray(sample_weight)
        given = [*map(np.asarray, others), labels, weights]
        if any(len(a) != len(images) for a in given if a is not None):
            sizes = ", ".join(str(len(a)) for a in (images, *given) if a is not None)
            raise ValueError(explain("flow", "expected as many labels as images", sizes))
        part = self._part(len(images), subset)
        if subset is not None and labels is not None and not ignore_class_split:
            at = part.start or part.stop or 0
            if not np.array_equal(np.unique(labels[:at]), np.unique(labels[at:])):
                raise ValueError(
                    explain(
                        "flow",
                        "expected the same classes in both subsets",
                        f"the first {at} of {len(images)} images have others than the rest",
                        "shuffle the images before, or use ignore_class_split=True",
                    )
                )
        self.x, self.x_misc = images[part], [np.asarray(a)[part] for a in others]
        self.y = None if labels is None else labels[part]
        self.sample_weight = None if weights is None else weights[part]
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _image(self, row: int) -> np.ndarray:
        return self.x[row]

    def _labelled(self, x: np.ndarray, rows: np.ndarray) -> Any:
        inputs = [x, *(a[rows] for a in self.x_misc)] if self.x_misc else x
        if self.y is None:
            return inputs
        if self.sample_weight is None:
            return inputs, self.y[rows]
        return inputs, self.y[rows], self.sample_weight[rows]


class _Files(_Images):
    """Images in files."""

    class_mode: str | None
    class_indices: dict[str, int]
    filepaths: list[str]
    classes: Any = None
    sample_weight: np.ndarray | None = None
    _targets: Any = None

    def _set_files(self, target_size: Any, color_mode: str, interpolation: str, keep: bool) -> None:
        if color_mode not in _CHANNELS:
            raise ValueError(unknown("color_mode", color_mode, _CHANNELS))
        self.target_size, self.color_mode = tuple(target_size), color_mode
        self.interpolation, self.keep_aspect_ratio = interpolation, keep
        channels = (_CHANNELS[color_mode],)
        first = self.data_format == "channels_first"
        self.image_shape = channels + self.target_size if first else self.target_size + channels

    @property
    def labels(self) -> Any:
        """The labels of all images."""
        return self.classes if self._targets is None else self._targets

    def _image(self, row: int) -> np.ndarray:
        image = load_img(
            self.filepaths[row], self.color_mode, self.target_size, self.interpolation,
            self.keep_aspect_ratio,
        )  # fmt: skip
        return img_to_array(image, self.data_format)

    def _labelled(self, x: np.ndarray, rows: np.ndarray) -> Any:
        if self.class_mode is None:
            return x
        weights = self.sample_weight
        y = self._labels(x, rows)
        return (x, y) if weights is None else (x, y, weights[rows])

    def _labels(self, x: np.ndarray, rows: np.ndarray) -> Any:
        if self.class_mode == "input":
            return x.copy()
        if self.class_mode == "multi_output":
            return [target[rows] for target in self._targets]
        if self.class_mode == "raw":
            return self._targets[rows]
        chosen = [self.classes[row] for row in rows]
        if self.class_mode != "categorical":
            return np.asarray(chosen, self.dtype)
        y = np.zeros((len(rows), len(self.class_indices)), self.dtype)
        for row, numbers in zip(y, chosen, strict=True):  # some images have several classes
            row[numbers] = 1
        return y


class DirectoryIterator(_Files):
    """Batches of the images in a folder, with a folder inside for each class.

    Args:
        directory: the folder.
        image_data_generator: changes the images.
        target_size: (height, width) in pixels.
        color_mode: 'grayscale', 'rgb' or 'rgba'.
        classes: names of the folders, in the order in which they are numbered.
        class_mode: 'categorical' for one-hot rows, 'binary' or 'sparse' for numbers, 'input' for
            the images themselves, None for no labels.
        batch_size, shuffle, seed: see `Iterator`.
        data_format: 'channels_last' or 'channels_first'.
        save_to_dir, save_prefix, save_format: where to write the changed images.
        follow_links: whether to look into folders behind links.
        subset: 'training' or 'validation': a part of every class.
        interpolation, keep_aspect_ratio: see `utils.load_img`.
        dtype: of the images.

    Raises:
        ValueError: an unknown option.
    """

    allowed_class_modes = ("binary", "categorical", "input", "sparse", None)

    def __init__(
        self,
        directory: Any,
        image_data_generator: Any,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: Any = None,
    ) -> None:
        self._set(image_data_generator, data_format, save_to_dir, save_prefix, save_format, dtype)
        self._set_files(target_size, color_mode, interpolation, keep_aspect_ratio)
        _check_mode(class_mode, self.allowed_class_modes)
        self.directory, self.class_mode = os.fspath(directory), class_mode
        names = list(classes or ()) or sorted(
            entry.name for entry in os.scandir(directory) if entry.is_dir()
        )
        self.class_indices = {name: i for i, name in enumerate(names)}
        self.num_classes = len(names)
        self.filenames, numbers = [], []
        for i, name in enumerate(names):
            found = _walk(os.path.join(self.directory, name), follow_links)
            found = found[self._part(len(found), subset)]
            self.filenames += [os.path.relpath(path, self.directory) for path in found]
            numbers += [i] * len(found)
        self.classes = np.asarray(numbers, "int32")
        self.samples = len(self.filenames)
        self.filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        super().__init__(self.samples, batch_size, shuffle, seed)


class DataFrameIterator(_Files):
    """Batches of the images that a pandas data frame names.

    Args:
        dataframe: a row per image.
        directory: folder of the files; None if the names are whole paths.
        image_data_generator: changes the images.
        x_col: column of the files' names.
        y_col: column of the labels; a list of columns for 'multi_output' and 'raw'.
        weight_col: column of the weights.
        class_mode: as for `DirectoryIterator`; also 'raw' for the column as it is, and
            'multi_output' for several columns.
        validate_filenames: whether to leave out files that are not there.
        target_size, color_mode, classes, batch_size, shuffle, seed, data_format, save_to_dir,
            save_prefix, save_format, subset, interpolation, keep_aspect_ratio, dtype: see
            `DirectoryIterator`.

    Raises:
        ValueError: an unknown option, or columns that do not fit it.
    """

    allowed_class_modes = (
        "binary", "categorical", "input", "multi_output", "raw", "sparse", None,
    )  # fmt: skip

    def __init__(
        self,
        dataframe: Any,
        directory: Any = None,
        image_data_generator: Any = None,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: str | None = None,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = "channels_last",
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: Any = "float32",
        validate_filenames: bool = True,
    ) -> None:
        self._set(image_data_generator, data_format, save_to_dir, save_prefix, save_format, dtype)
        self._set_files(target_size, color_mode, interpolation, keep_aspect_ratio)
        _check_mode(class_mode, self.allowed_class_modes)
        self.directory, self.class_mode = os.fspath(directory or ""), class_mode
        names = [str(name) for name in dataframe[x_col]]
        kept = list(range(len(names)))
        if validate_filenames:
            paths = [os.path.join(self.directory, name) for name in names]
            kept = [i for i, path in enumerate(paths) if _is_image(path)]
            if len(kept) < len(names):
                self._warn(names, kept, x_col)
        if by_class := class_mode in ("binary", "categorical", "sparse"):
            kept = self._set_classes(list(dataframe[y_col]), kept, classes)
        kept = kept[self._part(len(kept), subset)]
        if by_class:
            self.classes = [self._numbers[i] for i in kept]
        elif class_mode == "multi_output":
            self._targets = [np.array([list(dataframe[c])[i] for i in kept]) for c in y_col]
        elif class_mode == "raw":
            self._targets = np.asarray(dataframe[y_col])[kept]
        if weight_col is not None:
            self.sample_weight = np.asarray(dataframe[weight_col], "float32")[kept]
        self.filenames = [names[i] for i in kept]
        self.filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        self.samples = len(kept)
        of = f" belonging to {len(self.class_indices)} classes" if by_class else ""
        print(f"Found {self.samples} image files{of}.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _set_classes(self, labels: list[Any], kept: list[int], classes: Any) -> list[int]:
        """Number the classes; return the rows that have one of them."""
        several = [list(v) if isinstance(v, (list, tuple)) else [v] for v in labels]
        if not all(isinstance(label, str) for i in kept for label in several[i]):
            raise ValueError(
                explain(
                    "flow_from_dataframe",
                    f"expected strings as labels with class_mode={self.class_mode!r}",
                    describe(labels[kept[0]]),
                    "use dataframe[y_col].astype(str), or class_mode='raw' for numbers",
                )
            )
        names = list(dict.fromkeys(classes or sorted({n for i in kept for n in several[i]})))
        if self.class_mode == "binary" and len(names) != 2:
            got = f"{len(names)} classes"
            raise ValueError(explain("flow_from_dataframe", "expected two classes", got))
        self.class_indices = {name: i for i, name in enumerate(names)}
        known = {i: [self.class_indices[n] for n in several[i] if n in names] for i in kept}
        single = not isinstance(labels[kept[0]], (list, tuple)) if kept else True
        self._numbers = {i: v[0] if single else v for i, v in known.items() if v}
        return list(self._numbers)

    @staticmethod
    def _warn(names: list[str], kept: list[int], x_col: str) -> None:
        missing = sorted(set(range(len(names))) - set(kept))
        warnings.warn(
            explain(
                "flow_from_dataframe",
                f"expected image files in column {x_col!r}",
                f"{len(missing)} that are not there, the first {names[missing[0]]!r}",
                "these rows are left out; give directory= if the names have no folder",
            ),
            stacklevel=4,
        )


def _check_mode(mode: str | None, allowed: tuple[str | None, ...]) -> None:
    if mode not in allowed:
        raise ValueError(unknown("class_mode", mode, (m for m in allowed if m is not None)))


def _walk(folder: str, follow_links: bool) -> list[str]:
    walked = sorted(os.walk(folder, followlinks=follow_links), key=lambda entry: entry[0])
    return [
        os.path.join(root, name)
        for root, _, names in walked
        for name in sorted(names)
        if name.lower().endswith(_ENDINGS)
    ]


def _is_image(path: str) -> bool:
    return path.lower().endswith(_ENDINGS) and os.path.isfile(path)
