"""Steps as Keras on JAX has them, `train_step(self, state, data)`, made into lamina's.

Such a step is given the values of all variables and returns the new ones, instead of reading and
writing the variables themselves.
"""

import inspect
from collections.abc import Callable
from typing import Any


def takes_state(step: Callable[..., Any]) -> bool:
    """Return whether a step is one of Keras on JAX, `step(state, data)`."""
    parameters = inspect.signature(step).parameters.values()
    needed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.default is p.empty and p.kind in needed for p in parameters) >= 2


def stateful(model: Any, kind: str, step: Callable[..., Any]) -> Callable[[Any], Any]:
    """Return `step` as a function of the data alone, if it takes the state too; else as it is.

    Args:
        model: whose variables make up the state: those trained, the others, then those of the
            optimizer ('train') and of the metrics ('train' and 'test').
        kind: 'train', 'test' or 'predict'.
        step: a method of the model, `step(data)` or `step(state, data)`.
    """
    if not takes_state(step):
        return step

    def run(data: Any) -> Any:
        groups = [model.trainable_variables, model.non_trainable_variables]
        if kind == "train":
            groups.append(model.optimizer.variables)
        if kind != "predict":
            groups.append(model.metrics_variables)
        result, state = step(tuple([v.raw() for v in group] for group in groups), data)
        if kind == "predict":
            return result  # outputs alone: predicting changes nothing
        for group, values in zip(groups, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        return result

    return run
