"""Control flow that compiles: branches, loops, scans, functions mapped over an axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core import tree
from lamina._core.errors import describe, explain
from lamina._core.graph import Array, as_operand, has_tensor, op

# Errors of the functions that these are given are the caller's own: they pass as they are.
_op = partial(op, explains_errors=False)


def _arrays(structure: Any) -> Any:
    """`structure` with arrays in place of variables, lists of numbers left alone."""
    return tree.map_structure(lambda x: x if callable(x) else as_operand(x), structure)


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Return true_fn() if `pred` is true, else false_fn().

    Both are traced, and their results must be alike in form, shapes and dtypes. Under a `pred`
    that is symbolic, both are computed and one is chosen.

    Args:
        pred: one truth value.
        true_fn, false_fn: functions of nothing.

    Example:
        >>> cond(jnp.array(True), lambda: 1.0, lambda: 2.0).item()
        1.0
    """
    if isinstance(pred, (bool, np.bool)):
        return true_fn() if pred else false_fn()
    if not has_tensor(pred):
        return jax.lax.cond(as_operand(pred), true_fn, false_fn)
    one, other = true_fn(), false_fn()
    if tree.structure_of(one) != tree.structure_of(other):
        expected = "expected results of one form from both functions"
        raise ValueError(explain("ops.cond", expected, f"{describe(one)} and {describe(other)}"))
    return tree.map_structure(lambda a, b: _choose(pred, a, b), one, other)


@op
def _choose(pred: Array, one: Array, other: Array) -> Array:
    return jax.lax.cond(pred, lambda: jnp.asarray(one), lambda: jnp.asarray(other))


@_op
def switch(index: Array, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Return branches[index](*operands).

    Args:
        index: one whole number; beyond the branches, the nearest is taken.
        branches: functions of the operands, with results alike in form, shapes and dtypes.

    Example:
        >>> switch(1, [lambda x: x, lambda x: 10 * x], 2).item()
        20
    """
    return jax.lax.switch(index, branches, *_arrays(operands))


@_op
def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    maximum_iterations: int | None = None,
) -> Any:
    """Return the loop variables after `body` was applied as long as `cond` was true of them.

    Args:
        cond: function of the loop variables, with one truth value.
        body: function of the loop variables, with their next values.
        loop_vars: a tuple or list of them, or one; shapes and dtypes stay.
        maximum_iterations: how often at most.

    Example:
        >>> while_loop(lambda n: n < 10, lambda n: (2 * n,), (1,))[0].item()
        16
    """
    several = isinstance(loop_vars, (tuple, list))
    start = _arrays(tuple(loop_vars) if several else (loop_vars,))

    def goes_on(state: Any) -> Any:
        count, values = state
        more = cond(*values)
        return more if maximum_iterations is None else more & (count < maximum_iterations)

    def step(state: Any) -> Any:
        count, values = state
        values = body(*values)
        return count + 1, _arrays(tuple(values) if several else (values,))

    _, values = jax.lax.while_loop(goes_on, step, (0, start))
    return values if several else values[0]


@_op
def fori_loop(
    lower: Array, upper: Array, body_fun: Callable[[Any, Any], Any], init_val: Any
) -> Any:
    """Return the value after value = body_fun(i, value) for i from `lower` to `upper` - 1.

    Example:
        >>> fori_loop(0, 4, lambda i, total: total + i, 0).item()
        6
    """
    return jax.lax.fori_loop(lower, upper, body_fun, _arrays(init_val))


@_op
def scan(
    f: Callable[[Any, Any], Any],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """Return what f carries through the slices of xs, and what it returns for each.

    Args:
        f: function (carry, slice) -> (carry, result); the carry keeps its shapes and dtypes.
        init: the carry at the start, a structure.
        xs: structure of arrays with one first axis, or None for `length` times nothing.
        length: how many slices; None for the size of that axis.
        reverse: whether to go from the last to the first; results stay in their places.
        unroll: steps that one pass of the compiled loop makes, or whether to make all at once.

    Raises:
        ValueError: `unroll` is no positive whole number.

    Example:
        >>> total, totals = scan(lambda sum, x: (sum + x, sum + x), 0, jnp.array([1, 2, 3]))
        >>> total.item(), totals.tolist()
        (6, [1, 3, 6])
    """
    if not isinstance(unroll, int) or (not isinstance(unroll, bool) and unroll < 1):
        expected = "expected a positive whole number, or a bool, as unroll"
        raise ValueError(explain("ops.scan", expected, describe(unroll)))
    carry, results = jax.lax.scan(f, _arrays(init), _arrays(xs), length, reverse, unroll)
    return carry, results


@_op
def associative_scan(
    f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """Return the running results of `f` along an axis, in log(N) steps of work side by side.

    Args:
        f: function of two slices (several at once) for which f(f(a, b), c) = f(a, f(b, c)).
        elems: structure of arrays.
        reverse: whether to run from the end.
        axis: along which.

    Example:
        >>> associative_scan(lambda a, b: a * b, jnp.array([1, 2, 3])).tolist()
        [1, 2, 6]
    """
    return jax.lax.associative_scan(f, _arrays(elems), reverse, axis)


@_op
def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """Return f of every slice of xs along the first axis, one after the other.

    Example:
        >>> map(lambda x: x * x, jnp.array([1, 2, 3])).tolist()
        [1, 4, 9]
    """
    return jax.lax.map(f, _arrays(xs))


@_op
def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """Return the function of every slice along the first axis, all at once.

    Example:
        >>> vectorized_map(lambda x: x.sum(), jnp.ones((2, 3))).tolist()
        [3.0, 3.0]
    """
    return jax.vmap(function)(_arrays(elements))


def vectorize(pyfunc: Callable[..., Any], *, excluded: Any = None, signature: Any = None) -> Any:
    """Return a function of arrays that applies `pyfunc` to their elements, and broadcasts.

    Args:
        pyfunc: a function of numbers, or of arrays with the axes that `signature` names.
        excluded: numbers or names of arguments that are passed as they are.
        signature: the axes of arguments and results, as '(n),(n)->()'.

    Example:
        >>> vectorize(lambda a, b: jnp.maximum(a, b))([1, 2], [[0], [3]]).tolist()
        [[1, 2], [3, 3]]
    """
    if not callable(pyfunc):
        raise ValueError(explain("ops.vectorize", "expected a function", describe(pyfunc)))
    mapped = jnp.vectorize(pyfunc, excluded=frozenset(excluded or ()), signature=signature)

    def vectorized(*args: Array, **kwargs: Array) -> Any:
        given = [a if i in (excluded or ()) else as_operand(a) for i, a in enumerate(args)]
        return mapped(*given, **kwargs)

    vectorized.__name__ = getattr(pyfunc, "__name__", "vectorized")
    return _op(vectorized)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return f with a gradient of your own.

    Args:
        f: function of arrays that returns (result, g): g maps the gradient of the result to those
            of the arguments, one or a tuple.

    Example:
        >>> @custom_gradient
        ... def clipped(x):
        ...     return x * x, lambda upstream: jnp.clip(2 * x * upstream, -1.0, 1.0)
        >>> jax.grad(clipped)(3.0).item()
        1.0
    """
    inner = jax.custom_gradient(f)

    def with_gradient(*args: Any, **kwargs: Any) -> Any:
        return inner(*_arrays(args), **_arrays(kwargs))

    with_gradient.__name__ = getattr(f, "__name__", "custom_gradient")
    return _op(with_gradient)
