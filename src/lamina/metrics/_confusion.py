"""True and false positives and negatives at thresholds, and what is made of them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core import config
from lamina._core.configurable import PositiveInt, is_integer, is_real
from lamina._core.errors import describe, explain
from lamina._core.graph import as_array
from lamina._core.state import Variable
from lamina._measures._pair import unfit
from lamina._measures._weights import divide_no_nan, fit_weight, same_rank
from lamina.metrics._metric import Metric

# Below every score: what `top_k` leaves out, and the threshold that all others pass.
_LOWEST = -1e10


class Thresholds:
    """The values at which predictions are cut into yes and no.

    Args:
        values: in any order; those beside 0 and 1 may stand for them, a hair outside.
    """

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, "float64")
        # Evenly spaced from 0 to 1, a prediction's place among them is a product, not a search.
        n = len(self.values)
        steps = np.linspace(0.0, 1.0, n) if n > 1 else self.values
        self.even = n > 2 and np.allclose(self.values, steps, atol=config.epsilon())
        self.all_pass_first = bool(self.values[0] < 0.0)

    def __len__(self) -> int:
        return len(self.values)


def check_thresholds(where: str, thresholds: Any) -> list[float]:
    """Return thresholds as a list of floats; raise a ValueError unless all are fractions."""
    found = thresholds if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    if len(found) == 0 or not all(is_real(t) and 0 <= t <= 1 for t in found):
        raise ValueError(
            explain(
                where,
                "expected a fraction from 0 to 1, or a list of such, as `thresholds`",
                describe(thresholds),
                "predictions are probabilities; for logits use a sigmoid or `from_logits`",
            )
        )
    return [float(t) for t in found]


def fitted(
    where: str,
    y_true: Any,
    y_pred: Any,
    sample_weight: Any,
    class_id: Any = None,
    top_k: Any = None,
) -> tuple[Any, Any, Any]:
    """Return labels, predictions and weights (or None) of one shape.

    Args:
        where: the metric's name, for errors.
        y_true, y_pred: (N, ...).
        sample_weight: None, (N,), or with more of the axes of the predictions.
        class_id: the class that counts; None: all.
        top_k: how many of a sample's predictions can be a yes; None: all.
    """
    y_pred = as_array(y_pred, config.floatx())
    y_pred, y_true = same_rank(y_pred, as_array(y_true, config.floatx()))
    if y_true.shape != y_pred.shape:
        advice = (
            "one-hot class numbers with `utils.to_categorical`, or name the `axis` that is too many"
        )
        raise ValueError(unfit(where, y_true, y_pred, advice.split(", or")[0]))
    weight = None if sample_weight is None else as_array(sample_weight, config.floatx())
    if weight is not None:
        if weight.ndim == y_pred.ndim + 1 and weight.shape[-1] == 1:
            weight = weight[..., 0]
        weight = jnp.broadcast_to(fit_weight(where, weight, y_pred), y_pred.shape)
    if top_k is not None:
        y_pred = _only_top_k(y_pred, top_k)
    if class_id is None:
        return y_true, y_pred, weight
    if y_pred.ndim < 2 or not is_integer(class_id) or not 0 <= class_id < y_pred.shape[-1]:
        raise ValueError(
            explain(
                where,
                "expected a class number of the predictions as `class_id`",
                f"{describe(class_id)} for predictions of shape {tuple(y_pred.shape)}",
                "it counts along the last of two or more axes, from 0",
            )
        )
    weight = None if weight is None else weight[..., class_id]
    return y_true[..., class_id], y_pred[..., class_id], weight


def _only_top_k(y_pred: Any, k: int) -> Any:
    """Return predictions with all but the `k` largest of each sample below every threshold."""
    classes = y_pred.shape[-1]
    _, places = jax.lax.top_k(y_pred, min(k, classes))
    chosen = jnp.any(places[..., None] == jnp.arange(classes), axis=-2)  # (N, k, C) -> (N, C)
    return jnp.where(chosen, y_pred, _LOWEST)


def count_matrix(
    thresholds: Thresholds, y_true: Any, y_pred: Any, weight: Any, by_label: bool = False
) -> dict[str, Any]:
    """Return the four weighted counts at each threshold.

    Args:
        thresholds: T of them.
        y_true, y_pred: of one shape; any label but 0 is a yes.
        weight: of their shape, or None.
        by_label: whether to count the last axis' labels each for itself.

    Returns:
        'true_positives' and so on, (T,), by label (T, C).
    """
    columns = y_pred.shape[-1] if by_label else 1
    y_true, y_pred = y_true.reshape(-1, columns), y_pred.reshape(-1, columns)
    weight = jnp.ones_like(y_pred) if weight is None else weight.reshape(-1, columns)
    of_yes = jnp.where(y_true != 0, weight, 0.0)
    of_no = jnp.where(y_true != 0, 0.0, weight)
    count = _count_by_place if thresholds.even else _count_by_comparison
    above, below = count(thresholds, y_pred, jnp.stack([of_yes, of_no], axis=-1))
    if not by_label:
        above, below = above[:, 0], below[:, 0]
    return {
        "true_positives": above[..., 0],
        "false_positives": above[..., 1],
        "true_negatives": below[..., 1],
        "false_negatives": below[..., 0],
    }


def _count_by_comparison(thresholds: Thresholds, y_pred: Any, weights: Any) -> tuple[Any, Any]:
    """Return the weights of predictions above each threshold, and of the others, (T, C, 2)."""
    cuts = jnp.asarray(thresholds.values, y_pred.dtype)
    above = (y_pred[None] > cuts[:, None, None])[..., None]  # (T, M, C, 1)
    return (
        jnp.sum(jnp.where(above, weights, 0.0), axis=1),
        jnp.sum(jnp.where(above, 0.0, weights), axis=1),
    )


def _count_by_place(thresholds: Thresholds, y_pred: Any, weights: Any) -> tuple[Any, Any]:
    """The same for evenly spaced thresholds: a histogram, summed up from above."""
    n = len(thresholds)
    place = jnp.ceil(jnp.clip(y_pred, 0.0, 1.0) * (n - 1)) - 1.0  # of the last threshold below
    if thresholds.all_pass_first:
        place = jnp.maximum(place, 0.0)
    nowhere = (place < 0) | jnp.isnan(place)
    rows = jnp.where(nowhere, n, place).astype("int32")
    columns = jnp.broadcast_to(jnp.arange(y_pred.shape[1]), y_pred.shape)
    empty = jnp.zeros((n, *weights.shape[1:]), weights.dtype)
    histogram = empty.at[rows, columns].add(weights, mode="drop")
    above = jnp.cumsum(histogram[::-1], axis=0)[::-1]
    return above, jnp.sum(weights, axis=0) - above


class _Confusion(Metric):
    """Base of metrics that keep some of the four counts at thresholds."""

    thresholds: Any
    class_id: int | None = None
    top_k: int | None = None

    def _keep(self, cuts: Any, shape: Any, counts: dict[str, str]) -> None:
        """Make a variable for each count: {'true_positives': name of the variable}."""
        self._cuts = Thresholds(cuts)
        self._kept: dict[str, Variable] = {}
        for count, name in counts.items():
            self._kept[count] = self.add_variable(shape, name=name)
            setattr(self, name, self._kept[count])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch.

        Args:
            y_true: 0 or 1, (N, ...).
            y_pred: probabilities, (N, ...).
            sample_weight: (N,), or of the shape of the predictions.
        """
        data = fitted(self.name, y_true, y_pred, sample_weight, self.class_id, self.top_k)
        counts = count_matrix(self._cuts, *data)
        for name, variable in self._kept.items():
            variable.assign_add(counts[name])


class _Count(_Confusion):
    """Base of the four metrics that are one of the counts."""

    counted: str

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        given = 0.5 if thresholds is None else thresholds
        self.thresholds = check_thresholds(type(self).__name__, given)
        self._keep(self.thresholds, (len(self.thresholds),), {self.counted: "accumulator"})

    def result(self) -> Any:
        return _single(self._kept[self.counted].value)

    def _argument(self, name: str) -> Any:
        return _as_list(self.init_thresholds) if name == "thresholds" else super()._argument(name)


def _single(values: Any) -> Any:
    return values[0] if len(values) == 1 else values


def _as_list(thresholds: Any) -> Any:
    return thresholds.tolist() if isinstance(thresholds, np.ndarray) else thresholds


class TruePositives(_Count):
    """The (weighted) number of yes answers that were right.

    Args:
        thresholds: fraction above which a prediction is a yes (default: 0.5), or a list of such,
            for a result per threshold.
        name, dtype: see `Metric`.

    Example:
        >>> m = TruePositives(); m.update_state([0, 1, 1, 1], [1, 0, 1, 1]); float(m.result())
        2.0
    """

    counted = "true_positives"


class FalsePositives(_Count):
    """The (weighted) number of yes answers that were wrong.

    Args:
        thresholds: fraction above which a prediction is a yes (default: 0.5), or a list of such,
            for a result per threshold.
        name, dtype: see `Metric`.

    Example:
        >>> m = FalsePositives(); m.update_state([0, 1, 0, 0], [0, 0, 1, 1]); float(m.result())
        2.0
    """

    counted = "false_positives"


class TrueNegatives(_Count):
    """The (weighted) number of no answers that were right.

    Args:
        thresholds: fraction above which a prediction is a yes (default: 0.5), or a list of such,
            for a result per threshold.
        name, dtype: see `Metric`.

    Example:
        >>> m = TrueNegatives(); m.update_state([0, 1, 0, 0], [1, 1, 0, 0]); float(m.result())
        2.0
    """

    counted = "true_negatives"


class FalseNegatives(_Count):
    """The (weighted) number of no answers that were wrong.

    Args:
        thresholds: fraction above which a prediction is a yes (default: 0.5), or a list of such,
            for a result per threshold.
        name, dtype: see `Metric`.

    Example:
        >>> m = FalseNegatives(); m.update_state([0, 1, 1, 1], [0, 1, 0, 0]); float(m.result())
        2.0
    """

    counted = "false_negatives"


class _Share(_Confusion):
    """Base of precision and recall: true positives, and what they are a share of."""

    _direction = "up"
    rest: str

    def __init__(
        self,
        thresholds: Any = None,
        top_k: PositiveInt | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        if thresholds is None and top_k is not None:
            self.thresholds = [_LOWEST]
        else:
            given = 0.5 if thresholds is None else thresholds
            self.thresholds = check_thresholds(type(self).__name__, given)
        counts = ("true_positives", self.rest)
        self._keep(self.thresholds, (len(self.thresholds),), {count: count for count in counts})

    def result(self) -> Any:
        right, rest = self._kept["true_positives"].value, self._kept[self.rest].value
        return _single(divide_no_nan(right, right + rest))

    def _argument(self, name: str) -> Any:
        return _as_list(self.init_thresholds) if name == "thresholds" else super()._argument(name)


class Precision(_Share):
    """The share of the yes answers that were right.

    Args:
        thresholds: fraction above which a prediction is a yes (default: 0.5), or a list of such,
            for a result per threshold.
        top_k: how many of a sample's predictions can be a yes; these all are, unless `thresholds`
            are given, too.
        class_id: the class to look at, where predictions are (N, ..., C) (default: all).
        name, dtype: see `Metric`.

    Example:
        >>> m = Precision(); m.update_state([0, 1, 1, 1], [1, 0, 1, 1]); round(float(m.result()), 4)
        0.6667
    """

    rest = "false_positives"


class Recall(_Share):
    """The share of what is a yes that was found.

    Args:
        thresholds: fraction above which a prediction is a yes (default: 0.5), or a list of such,
            for a result per threshold.
        top_k: how many of a sample's predictions can be a yes; these all are, unless `thresholds`
            are given, too.
        class_id: the class to look at, where predictions are (N, ..., C) (default: all).
        name, dtype: see `Metric`.

    Example:
        >>> m = Recall(); m.update_state([0, 1, 1, 1], [1, 0, 1, 1]); round(float(m.result()), 4)
        0.6667
    """

    rest = "false_negatives"
