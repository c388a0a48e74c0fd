"""OneBatch: a step on one batch, as `train_on_batch` and `test_on_batch` repeat it."""

from typing import Any

from lamina import _data as data
from lamina._training.steps import in_order, number


class OneBatch:
    """One kind of step on batches of one form, compiled without a loop around it.

    Args:
        model: a model that is ready for the batch.
        kind: 'train' or 'test'.
        batch: (x, y, sample_weight); only shapes and dtypes are used.
    """

    def __init__(self, model: Any, kind: str, batch: Any) -> None:
        self._model, self._tracked = model, model._tracked()
        self._variables = self._tracked.variables
        self._flags = [v.trainable for v in self._variables]
        self._program = model._program(kind, batch, data.rows(batch), self._tracked)
        self._names: list[str] | None = None

    def holds(self) -> bool:
        """Return whether the model is still the one that this was made for."""
        return (
            self._model._tracked() is self._tracked
            and [v.trainable for v in self._variables] == self._flags
        )

    def __call__(self, batch: Any) -> dict[str, Any]:
        """Take the step; return the logs in the order of `metrics_names`."""
        values = [v._value for v in self._variables]
        for i, value in self._tracked.resets.items():
            values[i] = value
        values, logs = self._program.once(values, batch)
        for variable, value in zip(self._variables, values, strict=True):
            variable._value = value
        self._model._settle()
        if self._names is None:
            self._names = in_order(logs, self._tracked.metric_names)
        return {name: number(logs[name]) for name in self._names}
