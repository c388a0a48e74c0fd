"""F-scores: precision and recall in one number."""

from typing import Annotated, Any

import jax.numpy as jnp

from lamina._core import config
from lamina._core.configurable import Check, is_real
from lamina._core.errors import explain
from lamina._core.graph import as_array
from lamina._measures._pair import unfit
from lamina._measures._weights import fit_weight
from lamina.metrics._metric import Metric

_Average = Annotated[
    str,
    Check("'micro', 'macro', 'weighted' or None", lambda x: x in ("micro", "macro", "weighted")),
]
_Positive = Annotated[float, Check("a positive number", lambda x: is_real(x) and x > 0)]
_Threshold = Annotated[
    float, Check("a number above 0 and up to 1", lambda x: is_real(x) and 0 < x <= 1)
]


class FBetaScore(Metric):
    """(1 + beta**2) precision recall / (beta**2 precision + recall).

    Args:
        average: None: a score per class; 'micro': one score of all classes' counts; 'macro': the
            mean of the classes' scores; 'weighted': the same, weighted by how often each comes.
        beta: how much recall counts: 1 as much as precision, 2 twice as much.
        threshold: above it a prediction is a yes (default: the largest of each sample is).
        name, dtype: see `Metric`.

    Example:
        >>> m = FBetaScore(beta=2.0, threshold=0.5)
        >>> m.update_state([[1.0, 1.0], [1.0, 0.0]], [[0.9, 0.6], [0.2, 0.7]])
        >>> [round(x, 4) for x in m.result().tolist()]
        [0.5556, 0.8333]
    """

    _direction = "up"

    def __init__(
        self,
        average: _Average | None = None,
        beta: _Positive = 1.0,
        threshold: _Threshold | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.average, self.beta, self.threshold = average, beta, threshold
        self._built = False

    def prepare(self, y_true: Any, y_pred: Any) -> None:
        """Make the variables for as many classes as the predictions have."""
        if self._built:
            return
        require_table(self.name, y_true, y_pred)
        shape = () if self.average == "micro" else (y_pred.shape[1],)
        self.true_positives = self.add_variable(shape, dtype=self.dtype, name="true_positives")
        self.false_positives = self.add_variable(shape, dtype=self.dtype, name="false_positives")
        self.false_negatives = self.add_variable(shape, dtype=self.dtype, name="false_negatives")
        self.intermediate_weights = self.add_variable(
            shape, dtype=self.dtype, name="intermediate_weights"
        )
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch.

        Args:
            y_true: 0 or 1 for each class, (N, C).
            y_pred: probabilities, (N, C).
            sample_weight: (N,) or (N, C).
        """
        y_true, y_pred = as_array(y_true, self.dtype), as_array(y_pred, self.dtype)
        self.prepare(y_true, y_pred)
        if y_true.shape != y_pred.shape:
            raise ValueError(unfit(self.name, y_true, y_pred))
        yes = self._decided(y_pred).astype(self.dtype)
        weight = jnp.ones((), self.dtype)
        if sample_weight is not None:
            weight = fit_weight(self.name, as_array(sample_weight, self.dtype), y_pred)
        axis = None if self.average == "micro" else 0
        for variable, counted in (
            (self.true_positives, yes * y_true),
            (self.false_positives, yes * (1 - y_true)),
            (self.false_negatives, (1 - yes) * y_true),
            (self.intermediate_weights, y_true),
        ):
            variable.assign_add(jnp.sum(counted * weight, axis=axis))

    def _decided(self, y_pred: Any) -> Any:
        if self.threshold is not None:
            return y_pred > self.threshold
        largest = y_pred >= jnp.max(y_pred, axis=-1, keepdims=True)
        return largest & (jnp.abs(y_pred) > 1e-9)  # all zeros: nothing was said

    def result(self) -> Any:
        if not self._built:
            return jnp.zeros((), self.dtype)
        fuzz, square = config.epsilon(), self.beta**2
        right = self.true_positives.value
        precision = right / (right + self.false_positives.value + fuzz)
        recall = right / (right + self.false_negatives.value + fuzz)
        scores = (1 + square) * precision * recall / (square * precision + recall + fuzz)
        if self.average == "weighted":
            often = self.intermediate_weights.value
            return jnp.sum(scores * often / (jnp.sum(often) + fuzz))
        return scores if self.average is None else jnp.mean(scores)


class F1Score(FBetaScore):
    """2 precision recall / (precision + recall).

    Args:
        average, threshold: see `FBetaScore`.
        name, dtype: see `Metric`.

    Example:
        >>> m = F1Score(threshold=0.5)
        >>> m.update_state([[1.0, 1.0], [1.0, 0.0]], [[0.9, 0.6], [0.2, 0.7]])
        >>> [round(x, 4) for x in m.result().tolist()]
        [0.6667, 0.6667]
    """

    def __init__(
        self,
        average: _Average | None = None,
        threshold: _Threshold | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)


def require_table(where: str, y_true: Any, y_pred: Any) -> None:
    """Raise a ValueError unless both are (N, C)."""
    if len(y_true.shape) != 2 or len(y_pred.shape) != 2 or y_pred.shape[1] is None:
        raise ValueError(
            explain(
                where,
                "expected labels and predictions of shape (N, C)",
                f"labels of shape {y_true.shape} and predictions of shape {y_pred.shape}",
                "one-hot class numbers with `utils.to_categorical`; flatten steps or pixels into N",
            )
        )
