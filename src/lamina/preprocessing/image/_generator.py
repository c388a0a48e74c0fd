"""ImageDataGenerator: images changed at random, as Keras 1 and 2 had it."""

import warnings
from typing import Any

import numpy as np

from lamina._core import config
from lamina._core.configurable import is_real
from lamina._core.errors import describe, explain
from lamina.preprocessing.image._iterators import (
    DataFrameIterator,
    DirectoryIterator,
    NumpyArrayIterator,
)
from lamina.preprocessing.image._transforms import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
)


class ImageDataGenerator:
    """Gives batches of images that are changed at random; new code uses layers as RandomFlip.

    Args:
        featurewise_center, featurewise_std_normalization: whether to subtract the mean of every
            channel over the data, and to divide by its standard deviation; see `fit`.
        samplewise_center, samplewise_std_normalization: the same for each image alone.
        zca_whitening: whether to make the pixels uncorrelated; see `fit`.
        zca_epsilon: added to the singular values.
        rotation_range: degrees.
        width_shift_range, height_shift_range: fraction of the size if below 1, else pixels; a
            list to choose from, or whole pixels below an integer.
        brightness_range: two factors.
        shear_range: degrees.
        zoom_range: two factors, or how far they may be from 1.
        channel_shift_range: added to all values, at most.
        fill_mode, cval: see `apply_affine_transform`.
        horizontal_flip, vertical_flip: whether to mirror every other image.
        rescale: factor of all values.
        preprocessing_function: a function of one image, called after it was changed.
        data_format: 'channels_last' or 'channels_first'.
        validation_split: fraction of the data that `subset='validation'` means.
        interpolation_order: of the splines.
        dtype: of the images; None for `config.floatx()`.

    Raises:
        ValueError: ranges that do not fit.

    Example:
        >>> images = np.zeros((6, 8, 8, 3))
        >>> generator = ImageDataGenerator(rotation_range=20, horizontal_flip=True)
        >>> batches = generator.flow(images, np.arange(6), batch_size=4)
        >>> len(batches), next(batches)[0].shape
        (2, (4, 8, 8, 3))
    """

    # What `fit` learns.
    mean: Any = None
    std: Any = None
    zca_whitening_matrix: Any = None

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: Any = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Any = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: Any = None,
    ) -> None:
        # What is divided by a deviation is centred first, and whitened data needs no deviation.
        self.featurewise_std_normalization = featurewise_std_normalization and not zca_whitening
        self.featurewise_center = (
            featurewise_center or zca_whitening or featurewise_std_normalization
        )
        self.samplewise_center = samplewise_center or samplewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range = rotation_range, shear_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.channel_shift_range = channel_shift_range
        self.fill_mode, self.cval = fill_mode, cval
        self.interpolation_order = interpolation_order
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.dtype = dtype or config.floatx()
        self.data_format = config.standardize_data_format(data_format)
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        self.zoom_range = (
            [1 - zoom_range, 1 + zoom_range] if is_real(zoom_range) else list(zoom_range)
        )
        self.brightness_range = brightness_range
        for name, value in (
            ("zoom_range", self.zoom_range),
            ("brightness_range", brightness_range),
        ):
            if value is not None and not (len(value) == 2 and all(map(is_real, value))):
                raise ValueError(_text(f"two factors as `{name}`", describe(value)))
        if validation_split and not 0 < validation_split < 1:
            got = describe(validation_split)
            raise ValueError(_text("a validation_split between 0 and 1", got))
        self._validation_split = validation_split

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Return batches of arrays; see `NumpyArrayIterator`."""
        return NumpyArrayIterator(
            x, y, self, batch_size, shuffle, sample_weight, seed, self.data_format, save_to_dir,
            save_prefix, save_format, subset, ignore_class_split, self.dtype,
        )  # fmt: skip

    def flow_from_directory(
        self,
        directory: Any,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:
        """Return batches of the images in a folder; see `DirectoryIterator`."""
        return DirectoryIterator(
            directory, self, target_size, color_mode, classes, class_mode, batch_size, shuffle,
            seed, self.data_format, save_to_dir, save_prefix, save_format, follow_links, subset,
            interpolation, keep_aspect_ratio, self.dtype,
        )  # fmt: skip

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: Any = None,
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
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        **kwargs: Any,
    ) -> DataFrameIterator:
        """Return batches of the images that a data frame names; see `DataFrameIterator`."""
        del kwargs  # has_ext, sort, drop_duplicates: they did nothing in the end
        return DataFrameIterator(
            dataframe, directory, self, x_col, y_col, weight_col, target_size, color_mode, classes,
            "raw" if class_mode == "other" else class_mode, batch_size, shuffle, seed,
            self.data_format, save_to_dir, save_prefix, save_format, subset, interpolation, False,
            self.dtype, validate_filenames,
        )  # fmt: skip

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """Return images with the preprocessing function, the scale and the mean applied."""
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if self.rescale:
            x = x * self.rescale
        if self.samplewise_center:
            x = x - x.mean()
        if self.samplewise_std_normalization:
            x = x / (x.std() + 1e-6)
        if self.featurewise_center:
            x = x - self._learned("mean", 0)
        if self.featurewise_std_normalization:
            x = x / (self._learned("std", 1) + 1e-6)
        if self.zca_whitening and self._learned("zca_whitening_matrix", None) is not None:
            x = (x.reshape(-1, self.zca_whitening_matrix.shape[0]) @ self.zca_whitening_matrix
                 ).reshape(x.shape)  # fmt: skip
        return x

    def _learned(self, name: str, otherwise: Any) -> Any:
        value = getattr(self, name)
        if value is not None:
            return value
        warnings.warn(
            _text(f"`{name}` to be known", "a generator that has seen no data")
            + "\n  Help: call its fit(images) first.",
            stacklevel=4,
        )
        return otherwise

    def get_random_transform(self, img_shape: Any, seed: int | None = None) -> dict[str, Any]:
        """Return how an image of this shape will be changed, drawn at random."""
        if seed is not None:
            np.random.seed(seed)  # noqa: NPY002
        # numpy's global generator, so that np.random.seed fixes it in old scripts too
        return self._draw(img_shape, np.random)

    def _draw(self, shape: Any, draw: Any) -> dict[str, Any]:
        def within(most: float) -> float:
            return draw.uniform(-most, most) if most else 0

        def shift(most: Any, size: int) -> Any:
            if not np.any(most):
                return 0
            if isinstance(most, (float, np.floating)):
                by = draw.uniform(-most, most)
            else:
                by = draw.choice(most)
                by = by * draw.choice([-1, 1])
            return by * size if np.max(most) < 1 else by

        theta = within(self.rotation_range)
        tx = shift(self.height_shift_range, shape[self.row_axis - 1])
        ty = shift(self.width_shift_range, shape[self.col_axis - 1])
        shear = within(self.shear_range)
        zx, zy = (1, 1) if self.zoom_range == [1, 1] else draw.uniform(*self.zoom_range, 2)
        across, down = (draw.random() < 0.5 for _ in range(2))
        most, bright = self.channel_shift_range, self.brightness_range
        return {
            "theta": theta, "tx": tx, "ty": ty, "shear": shear, "zx": zx, "zy": zy,
            "flip_horizontal": across and self.horizontal_flip,
            "flip_vertical": down and self.vertical_flip,
            "channel_shift_intensity": draw.uniform(-most, most) if most else None,
            "brightness": None if bright is None else draw.uniform(*bright),
        }  # fmt: skip

    def apply_transform(self, x: np.ndarray, transform_parameters: dict[str, Any]) -> np.ndarray:
        """Return an image changed as `get_random_transform` said."""
        row, column, channel = self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1
        given = transform_parameters
        affine = {k: given[k] for k in ("theta", "tx", "ty", "shear", "zx", "zy") if k in given}
        x = apply_affine_transform(
            x, **affine, row_axis=row, col_axis=column, channel_axis=channel,
            fill_mode=self.fill_mode, cval=self.cval, order=self.interpolation_order,
        )  # fmt: skip
        if given.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, given["channel_shift_intensity"], channel)
        if given.get("flip_horizontal"):
            x = np.flip(x, column)
        if given.get("flip_vertical"):
            x = np.flip(x, row)
        if given.get("brightness") is not None:
            x = apply_brightness_shift(x, given["brightness"], False)
        return x

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """Return an image changed at random."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Learn the mean, the deviation and the whitening from images.

        Args:
            x: (N, H, W, C), or channels first.
            augment: whether to change the images at random first.
            rounds: passes over the images if so.
            seed: of these changes.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise ValueError(_text("images of four axes", describe(x)))
        if seed is not None:
            np.random.seed(seed)  # noqa: NPY002
        x = x * self.rescale if self.rescale else x
        if augment:
            x = np.stack([self.random_transform(image) for _ in range(rounds) for image in x])
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = x.mean(axes, keepdims=True)[0]
            x = x - self.mean
        if self.featurewise_std_normalization:
            self.std = x.std(axes, keepdims=True)[0]
            x = x / (self.std + 1e-6)
        if self.zca_whitening:
            u, s, _ = np.linalg.svd(x.reshape(len(x), -1).T, full_matrices=False)
            self.zca_whitening_matrix = (u * (np.sqrt(len(x)) / (s + self.zca_epsilon))) @ u.T


def _text(expected: str, got: str) -> str:
    return explain("ImageDataGenerator", f"expected {expected}", got)
