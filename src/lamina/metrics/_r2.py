"""The share of the labels' variance that predictions explain."""

import warnings
from typing import Annotated, Any

import jax.numpy as jnp

from lamina._core import config
from lamina._core.configurable import Check, Count
from lamina._core.errors import explain
from lamina._core.graph import as_array
from lamina._measures._pair import is_traced, pair
from lamina._measures._weights import divide_no_nan, fit_weight
from lamina.metrics._fscore import require_table
from lamina.metrics._metric import Metric

_AGGREGATIONS = ("uniform_average", "variance_weighted_average")
_Aggregation = Annotated[
    str,
    Check("'uniform_average', 'variance_weighted_average' or None", lambda x: x in _AGGREGATIONS),
]


class R2Score(Metric):
    """1 - sum((y_true - y_pred)**2) / sum((y_true - mean)**2): 1 is best, 0 as good as the mean.

    Args:
        class_aggregation: 'uniform_average': the mean over outputs; 'variance_weighted_average':
            weighted by the outputs' variances; None: a score per output.
        num_regressors: number p of independent variables, for the adjusted score
            1 - (1 - r2) (n - 1) / (n - p - 1) of n values; 0: not adjusted.
        name, dtype: see `Metric`.

    Example:
        >>> m = R2Score(); m.update_state([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])
        >>> round(float(m.result()), 4)
        0.5714
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: _Aggregation | None = "uniform_average",
        num_regressors: Count = 0,
        name: str = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable(name="num_samples")
        self._built = False

    def prepare(self, y_true: Any, y_pred: Any) -> None:
        """Make the variables for as many outputs as the predictions have."""
        if self._built:
            return
        if len(y_true.shape) == 1 and len(y_pred.shape) == 2 and y_pred.shape[1] == 1:
            y_true = y_pred  # the axis is added when the two meet
        require_table(self.name, y_true, y_pred)
        shape = (y_pred.shape[1],)
        self.squared_sum = self.add_variable(shape, name="squared_sum")
        self.sum = self.add_variable(shape, name="sum")
        self.total_mse = self.add_variable(shape, name="residual")
        self.count = self.add_variable(shape, name="count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch into the sums.

        Args:
            y_true, y_pred: labels and predictions, (N, C).
            sample_weight: (N,) or (N, C).
        """
        y_true, y_pred = pair(self.name, as_array(y_true, self.dtype), as_array(y_pred, self.dtype))
        self.prepare(y_true, y_pred)
        weight = as_array(1.0 if sample_weight is None else sample_weight, self.dtype)
        weight = jnp.broadcast_to(fit_weight(self.name, weight, y_true), y_true.shape)
        self.sum.assign_add(jnp.sum(weight * y_true, axis=0))
        self.squared_sum.assign_add(jnp.sum(weight * jnp.square(y_true), axis=0))
        self.total_mse.assign_add(jnp.sum(weight * jnp.square(y_true - y_pred), axis=0))
        self.count.assign_add(jnp.sum(weight, axis=0))
        self.num_samples.assign_add(y_true.size)

    def result(self) -> Any:
        if not self._built:
            return jnp.zeros((), config.floatx())
        count, residual = self.count.value, self.total_mse.value
        total = self.squared_sum.value - self.sum.value * divide_no_nan(self.sum.value, count)
        # Labels that are all equal have nothing to explain: right is 1, wrong is 0.
        constant = jnp.where((residual == 0) & (count > 0), 1.0, 0.0)
        scores = jnp.where(total == 0, constant, 1.0 - divide_no_nan(residual, total))
        if self.class_aggregation == "uniform_average":
            scores = jnp.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = divide_no_nan(jnp.sum(total * scores), jnp.sum(total))
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores: Any) -> Any:
        n, p = self.num_samples.value, self.num_regressors
        enough = n - p - 1 > 0
        if not is_traced(n) and 0 < n <= p + 1:
            warnings.warn(
                explain(
                    self.name,
                    f"expected more than {p + 1} values to adjust the score for {p} regressors",
                    f"{int(n)}",
                    "the score is not adjusted",
                ),
                stacklevel=3,
            )
        return jnp.where(enough, 1.0 - (1.0 - scores) * divide_no_nan(n - 1, n - p - 1), scores)
