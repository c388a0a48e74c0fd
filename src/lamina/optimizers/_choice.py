"""One of two stateful functions, by a condition that may be traced."""

from collections.abc import Callable, Sequence
from typing import Any

import jax

from lamina._core.state import Variable, pure


def choose(
    condition: Any,
    yes: Callable[[], Any],
    no: Callable[[], Any] | None,
    variables: Sequence[Variable],
) -> None:
    """Call `yes` if `condition` holds, else `no` (None: do nothing); the other one is not run.

    Args:
        condition: a boolean, concrete or traced.
        yes, no: functions of nothing that change variables.
        variables: all that they may change.

    Example:
        >>> n = Variable(1); choose(n.value > 0, lambda: n.assign_add(1), None, [n]); int(n)
        2
    """
    no = no or (lambda: None)
    if not isinstance(condition, jax.core.Tracer):
        (yes if condition else no)()
        return
    branches = [lambda values, fn=fn: pure(fn, variables)(values)[1] for fn in (yes, no)]
    values = jax.lax.cond(condition, *branches, [v.raw() for v in variables])
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
