"""Watch: tells whether a model is still the one from which a program was traced."""

from collections.abc import Callable
from typing import Any

from lamina._core.state import Variable


class Watch:
    """What compiled code of a model depends on.

    A graph can only change by variables that are made for it, or by layers that say so
    (`Layer._outdate`); both are counted, for all models together, so that a model at rest costs
    one comparison. Models with a `call` of their own can change in any way and are walked.

    Args:
        model: what is watched.
        collect: returns the variables of interest, in a fixed order.

    Attributes:
        variables: what `collect` returned.
        edition: how often layers had changed what no variable holds: a vocabulary, say.
    """

    def __init__(self, model: Any, collect: Callable[[], list[Variable]]) -> None:
        self._model, self._collect = model, collect
        self._made = Variable.made
        self._function, self._optimizer = model.function, model.optimizer
        self.edition = _edition(model)
        self.variables = collect()

    def holds(self) -> bool:
        """Return whether nothing has changed."""
        made = Variable.made
        model = self._model
        if model.function is not self._function or model.optimizer is not self._optimizer:
            return False
        if self._function is not None and self._made == made:
            return True
        now = self._collect()
        same = len(now) == len(self.variables) and all(map(_is, now, self.variables))
        if not same or _edition(model) != self.edition:
            return False
        self._made = made
        return True


class Tracked(Watch):
    """All variables that steps may touch.

    Attributes:
        weights: places of those that are the model's own.
        resets: place -> value with which the state of a metric begins.
    """

    def __init__(self, model: Any) -> None:
        super().__init__(model, model._state)
        model.reset_metrics()
        metrics = model.metrics
        self.metric_names = [metric.name for metric in metrics]
        of_metrics = {id(v) for metric in metrics for v in metric.variables}
        of_model = {id(v) for v in model.variables}
        ids = list(map(id, self.variables))
        self.weights = [i for i, each in enumerate(ids) if each in of_model]
        self.resets = {
            i: self.variables[i]._value for i, each in enumerate(ids) if each in of_metrics
        }


def _is(a: Any, b: Any) -> bool:
    return a is b


def _edition(model: Any) -> int:
    parts = (*model._flatten_layers(), *model._optimizers())
    return sum(part._edition for part in parts)
