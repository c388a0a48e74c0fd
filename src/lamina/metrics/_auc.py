"""The area under a curve that thresholds draw."""

from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core import config
from lamina._core.configurable import Check, Count, Flag, is_integer
from lamina._core.errors import describe, explain
from lamina._core.graph import as_array
from lamina._measures._weights import divide_no_nan
from lamina.metrics._confusion import _Confusion, check_thresholds, count_matrix, fitted
from lamina.metrics._operating_point import COUNTS

_Curve = Annotated[
    str,
    Check(
        "'ROC', 'PR' or 'PRGAIN'",
        lambda x: x in ("ROC", "roc", "PR", "pr", "PRGAIN", "prgain"),
    ),
]
_Summation = Annotated[
    str,
    Check(
        "'interpolation', 'minoring' or 'majoring'",
        lambda x: isinstance(x, str) and x.lower() in ("interpolation", "minoring", "majoring"),
    ),
]
_SeveralInt = Annotated[int, Check("an integer of 2 or more", lambda x: is_integer(x) and x > 1)]


class AUC(_Confusion):
    """The area under the ROC curve (1 is best, 0.5 is chance) or the precision-recall curve.

    The curve is drawn through points at `num_thresholds` thresholds: the more, the finer.

    Args:
        num_thresholds: how many thresholds, 0 and 1 included.
        curve: 'ROC' (recall over false positives), 'PR' (precision over recall), or 'PRGAIN'.
        summation_method: heights between the points: 'interpolation' (means), 'minoring' (the lower
            point's) or 'majoring' (the higher one's).
        name, dtype: see `Metric`.
        thresholds: fractions to use instead, besides 0 and 1.
        multi_label: whether the last axis' labels have a curve each; the result is their mean area.
        num_labels: number of labels with `multi_label` (default: as the first predictions have).
        label_weights: weights of the labels: in that mean, or else of their counts.
        from_logits: whether predictions are logits, before the sigmoid.

    Reference:
        Davis and Goadrich, "The relationship between precision-recall and ROC curves", 2006, for
        the interpolation of 'PR'. Flach and Kull, "Precision-recall-gain curves", 2015.

    Example:
        >>> m = AUC(num_thresholds=3)
        >>> m.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]); float(m.result())
        0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: _SeveralInt = 200,
        curve: _Curve = "ROC",
        summation_method: _Summation = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: Flag = False,
        num_labels: Count | None = None,
        label_weights: Any = None,
        from_logits: Flag = False,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.curve, self.summation_method = curve.upper(), summation_method.lower()
        self.multi_label, self.num_labels = multi_label, num_labels
        self.label_weights, self.from_logits = label_weights, from_logits
        self.num_thresholds, self._given_thresholds = num_thresholds, thresholds
        inner = np.linspace(0.0, 1.0, num_thresholds)[1:-1].tolist()
        if thresholds is not None:
            inner = sorted(check_thresholds("AUC", thresholds))
            self.num_thresholds = len(inner) + 2
        # A hair outside, so that predictions of 0 pass the first and those of 1 not the last.
        self.thresholds = [-config.epsilon(), *inner, 1.0 + config.epsilon()]
        self._built = False
        if not multi_label:
            if num_labels:
                raise ValueError(_needless_labels(num_labels))
            self._build((self.num_thresholds,))
        elif num_labels:
            self._build((self.num_thresholds, num_labels))

    def _build(self, shape: tuple[int, ...]) -> None:
        self._keep(self.thresholds, shape, {count: count for count in COUNTS})
        self._built = True

    def prepare(self, y_true: Any, y_pred: Any) -> None:
        """Make the variables for as many labels as the predictions have."""
        if self._built:
            return
        if len(y_pred.shape) != 2:
            raise ValueError(
                explain(
                    self.name,
                    "expected predictions of shape (N, labels) with multi_label=True",
                    f"predictions of shape {tuple(y_pred.shape)}",
                    "flatten time steps or pixels into N first",
                )
            )
        self._build((self.num_thresholds, y_pred.shape[1]))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch.

        Args:
            y_true: 0 or 1, (N, ...).
            y_pred: probabilities, or logits, (N, ...).
            sample_weight: (N,), or of the shape of the predictions.
        """
        y_pred = as_array(y_pred, config.floatx())
        self.prepare(y_true, y_pred)
        if self.from_logits:
            y_pred = jax.nn.sigmoid(y_pred)
        y_true, y_pred, weight = fitted(self.name, y_true, y_pred, sample_weight)
        if self.label_weights is not None and not self.multi_label:
            of_labels = jnp.broadcast_to(self._label_weights(), y_pred.shape)
            weight = of_labels if weight is None else weight * of_labels
        counts = count_matrix(self._cuts, y_true, y_pred, weight, by_label=self.multi_label)
        for name, variable in self._kept.items():
            variable.assign_add(counts[name])

    def result(self) -> Any:
        if not self._built:
            return jnp.zeros((), config.floatx())
        counts = [self._kept[count].value for count in COUNTS]
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = _interpolated_precision(*counts)
        else:
            x, y = _CURVES[self.curve](*counts)
            areas = (x[:-1] - x[1:]) * _heights(y, self.summation_method)
        if not self.multi_label:
            return jnp.sum(areas)
        by_label = jnp.sum(areas, axis=0)  # (T - 1, C) -> (C,)
        if self.label_weights is None:
            return jnp.mean(by_label)
        weights = self._label_weights()
        return divide_no_nan(jnp.sum(by_label * weights), jnp.sum(weights))

    def _label_weights(self) -> Any:
        return as_array(self.label_weights, config.floatx())

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["thresholds"]
        config["label_weights"] = _plain(self.label_weights)
        if self._given_thresholds is not None:
            config["thresholds"] = [float(t) for t in self.thresholds[1:-1]]
        return config


def _plain(values: Any) -> Any:
    return None if values is None else np.asarray(values).tolist()


def _needless_labels(num_labels: Any) -> str:
    return explain(
        "AUC",
        "expected `num_labels` only with multi_label=True",
        describe(num_labels),
        "leave it out, or set multi_label=True for a curve per label",
    )


def _heights(y: Any, method: str) -> Any:
    """Return the heights of the strips between neighbouring points."""
    if method == "minoring":
        return jnp.minimum(y[:-1], y[1:])
    if method == "majoring":
        return jnp.maximum(y[:-1], y[1:])
    return (y[:-1] + y[1:]) / 2.0


def _roc(tp: Any, fp: Any, tn: Any, fn: Any) -> tuple[Any, Any]:
    return divide_no_nan(fp, fp + tn), divide_no_nan(tp, tp + fn)


def _precision_recall(tp: Any, fp: Any, tn: Any, fn: Any) -> tuple[Any, Any]:
    return divide_no_nan(tp, tp + fn), divide_no_nan(tp, tp + fp)


def _gains(tp: Any, fp: Any, tn: Any, fn: Any) -> tuple[Any, Any]:
    """Return recall and precision, rescaled so that always saying yes has 0.

    Without true positives, where both are -inf, the recall gain is 0 and the precision gain 1.
    """
    scale = divide_no_nan(tp + fn, tn + fp)
    recall = jnp.where(tp == 0, 0.0, 1.0 - scale * divide_no_nan(fn, tp))
    precision = jnp.where(tp == 0, 1.0, 1.0 - scale * divide_no_nan(fp, tp))
    return jnp.maximum(recall, 0.0), precision


_CURVES = {"ROC": _roc, "PR": _precision_recall, "PRGAIN": _gains}


def _interpolated_precision(tp: Any, fp: Any, tn: Any, fn: Any) -> Any:
    """Return the areas of the strips under the precision-recall curve.

    Between two points true positives grow linearly with all positives p, tp = a + b p, so that
    precision is b + a / p, and its integral over recall has a logarithm.
    """
    p = tp + fp
    slope = divide_no_nan(tp[:-1] - tp[1:], jnp.maximum(p[:-1] - p[1:], 0.0))
    intercept = tp[1:] - slope * p[1:]
    both = (p[:-1] > 0) & (p[1:] > 0)
    ratio = jnp.where(both, divide_no_nan(p[:-1], p[1:]), 1.0)
    area = slope * (tp[:-1] - tp[1:] + intercept * jnp.log(ratio))
    return divide_no_nan(area, jnp.maximum(tp[1:] + fn[1:], 0.0))
