"""Intersection over union of classes, from a confusion matrix."""

import warnings
from typing import Any

import jax.numpy as jnp

from lamina._core import config, dtypes
from lamina._core.configurable import Flag, PositiveInt, is_integer
from lamina._core.errors import describe, explain
from lamina._core.graph import as_array
from lamina._measures._pair import unfit
from lamina._measures._weights import divide_no_nan, fit_weight
from lamina.metrics._metric import Metric


class IoU(Metric):
    """The mean over some classes of intersection over union: tp / (tp + fp + fn).

    Args:
        num_classes: number of classes; labels and predictions beyond them do not count.
        target_class_ids: the classes of which the mean is taken.
        name: see `Metric`.
        dtype: of the counts (default: int32); 'float32' for weights that are no whole numbers.
        ignore_class: a label whose samples do not count.
        sparse_y_true: whether labels are class numbers, not one-hot.
        sparse_y_pred: whether predictions are class numbers, not probabilities or logits.
        axis: the axis of the classes where there is one.

    Example:
        >>> m = IoU(num_classes=2, target_class_ids=[0])
        >>> m.update_state([0, 0, 1, 1], [0, 1, 0, 1]); round(float(m.result()), 4)
        0.3333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: PositiveInt,
        target_class_ids: Any,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: Flag = True,
        sparse_y_pred: Flag = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name, dtype="int32" if dtype is None else dtype)
        if not all(is_integer(i) and 0 <= i < num_classes for i in target_class_ids):
            raise ValueError(
                explain(
                    type(self).__name__,
                    f"expected class numbers from 0 to {num_classes - 1} as `target_class_ids`",
                    describe(target_class_ids),
                )
            )
        self.num_classes, self.target_class_ids = num_classes, list(target_class_ids)
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        self.total_cm = self.add_variable(
            (num_classes, num_classes), dtype=self.dtype, name="total_confusion_matrix"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch.

        Args:
            y_true: class numbers, (N, ...), or one-hot labels with an axis more.
            y_pred: class numbers, (N, ...), or probabilities or logits with an axis more.
            sample_weight: (N,), or of the shape of the class numbers.
        """
        y_true, y_pred = as_array(y_true), as_array(y_pred)
        y_true = y_true if self.sparse_y_true else jnp.argmax(y_true, axis=self.axis)
        y_pred = y_pred if self.sparse_y_pred else jnp.argmax(y_pred, axis=self.axis)
        if y_true.size != y_pred.size:
            advice = "sparse_y_true and sparse_y_pred say which of the two have an axis of classes"
            raise ValueError(unfit(self.name, y_true, y_pred, advice))
        weight = self._weights(sample_weight, y_true if y_true.ndim > y_pred.ndim else y_pred)
        self._count(y_true.reshape(-1).astype("int32"), y_pred.reshape(-1).astype("int32"), weight)

    def _count(self, y_true: Any, y_pred: Any, weight: Any) -> None:
        classes = self.num_classes
        counts = (y_true >= 0) & (y_true < classes) & (y_pred >= 0) & (y_pred < classes)
        if self.ignore_class is not None:
            counts = counts & (y_true != self.ignore_class)
        cell = jnp.where(counts, y_true * classes + y_pred, classes * classes)
        added = jnp.zeros(classes * classes, self.dtype).at[cell].add(weight, mode="drop")
        self.total_cm.assign_add(added.reshape(classes, classes))

    def _weights(self, sample_weight: Any, values: Any) -> Any:
        """Return a weight for each value, flat, in the metric's dtype."""
        if sample_weight is None:
            return jnp.ones(values.size, self.dtype)
        weight = as_array(sample_weight)
        if dtypes.is_float(weight.dtype.name) and not dtypes.is_float(self.dtype):
            warnings.warn(
                explain(
                    self.name,
                    f"expected whole numbers as `sample_weight`, since it counts in {self.dtype}",
                    f"weights of {weight.dtype}, which are rounded towards 0",
                    "make the metric with dtype='float32'",
                ),
                stacklevel=3,
            )
        weight = fit_weight(self.name, weight.astype(self.dtype), values)
        return jnp.broadcast_to(weight, values.shape).reshape(-1)

    def result(self) -> Any:
        matrix = self.total_cm.value  # rows are labels, columns predictions
        right = jnp.diagonal(matrix)
        union = jnp.sum(matrix, axis=0) + jnp.sum(matrix, axis=1) - right
        targets = jnp.asarray(self.target_class_ids, "int32")
        right = right[targets].astype("float32")
        union = union[targets].astype("float32")
        seen = union > 1e-9  # a class that never came has no share in the mean
        shares = jnp.where(seen, right / (union + config.epsilon()), 0.0)
        return divide_no_nan(jnp.sum(shares), jnp.sum(seen) + config.epsilon())


class BinaryIoU(IoU):
    """The mean over 'no' and 'yes' of intersection over union, for probabilities.

    Args:
        target_class_ids: the classes of which the mean is taken, of 0 and 1.
        threshold: from it on, a prediction is a yes.
        name, dtype: see `IoU`.

    Example:
        >>> m = BinaryIoU(threshold=0.3)
        >>> m.update_state([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]); round(float(m.result()), 4)
        0.3333
    """

    def __init__(
        self,
        target_class_ids: Any = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch.

        Args:
            y_true: 0 or 1, (N, ...).
            y_pred: probabilities, (N, ...).
            sample_weight: (N,), or of the shape of the predictions.
        """
        y_pred = as_array(y_pred, "float32") >= self.threshold
        super().update_state(y_true, y_pred.astype("int32"), sample_weight)


class MeanIoU(IoU):
    """The mean over all classes of intersection over union.

    Args:
        num_classes: number of classes.
        name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: see `IoU`.

    Example:
        >>> m = MeanIoU(num_classes=2)
        >>> m.update_state([0, 0, 1, 1], [0, 1, 0, 1]); round(float(m.result()), 4)
        0.3333
    """

    def __init__(
        self,
        num_classes: PositiveInt,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: Flag = True,
        sparse_y_pred: Flag = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            range(num_classes),
            name,
            dtype,
            ignore_class,
            sparse_y_true,
            sparse_y_pred,
            axis,
        )


class OneHotIoU(IoU):
    """`IoU` for one-hot labels and a prediction per class.

    Args:
        num_classes, target_class_ids: see `IoU`.
        name, dtype, ignore_class, sparse_y_pred, axis: see `IoU`.

    Example:
        >>> m = OneHotIoU(num_classes=2, target_class_ids=[1])
        >>> m.update_state([[1, 0], [0, 1]], [[0.4, 0.6], [0.2, 0.8]]); round(float(m.result()), 4)
        0.5
    """

    def __init__(
        self,
        num_classes: PositiveInt,
        target_class_ids: Any,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: Flag = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` for one-hot labels and a prediction per class.

    Args:
        num_classes: number of classes.
        name, dtype, ignore_class, sparse_y_pred, axis: see `IoU`.

    Example:
        >>> m = OneHotMeanIoU(num_classes=2)
        >>> m.update_state([[1, 0], [0, 1]], [[0.4, 0.6], [0.2, 0.8]]); round(float(m.result()), 4)
        0.25
    """

    def __init__(
        self,
        num_classes: PositiveInt,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: Flag = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
