"""Cross-entropies of single predictions, and the ratio of signal to noise."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina._core import config
from lamina._core.errors import describe, explain
from lamina._core.graph import Array, op
from lamina.ops._promotion import inexact, wide
from lamina.ops._tails import log_softmax, times_log


def _same_shape(where: str, target: Any, output: Any) -> None:
    if target.shape != output.shape:
        raise ValueError(
            explain(
                where,
                "expected target and output of one shape",
                f"{describe(target)} and {describe(output)}",
            )
        )


def _log_probabilities(output: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        return log_softmax(output, axis)
    output = wide(output)  # bfloat16 rounds 1 - epsilon to 1
    share = output / jnp.sum(output, axis, keepdims=True)
    return jnp.log(jnp.clip(share, config.epsilon(), 1.0 - config.epsilon()))


@op
def binary_crossentropy(target: Array, output: Array, from_logits: bool = False) -> Array:
    """Return -target * log(output) - (1 - target) * log(1 - output), element by element.

    Args:
        target: 0 or 1, or probabilities.
        output: probabilities, or logits, of the same shape.
        from_logits: whether `output` are logits, before the sigmoid.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> binary_crossentropy([1.0], [0.5]).round(4).tolist()
        [0.6930999755859375]
    """
    target, output = jnp.asarray(target), jnp.asarray(inexact(output))
    _same_shape("ops.binary_crossentropy", target, output)
    if from_logits:
        yes, no = jax.nn.log_sigmoid(output), jax.nn.log_sigmoid(-output)
    else:
        # bfloat16 rounds 1 - epsilon to 1.
        p = jnp.clip(wide(output), config.epsilon(), 1.0 - config.epsilon())
        yes, no = jnp.log(p).astype(output.dtype), jnp.log(1.0 - p).astype(output.dtype)
    return -(times_log(target, yes) + times_log(1.0 - target, no))


@op
def categorical_crossentropy(
    target: Array, output: Array, from_logits: bool = False, axis: int = -1
) -> Array:
    """Return -sum(target * log(output)) along `axis`.

    Args:
        target: one-hot class numbers, or probabilities, (N, ..., C).
        output: probabilities (normalized here to sum to 1), or logits, (N, ..., C).
        from_logits: whether `output` are logits, before the softmax.
        axis: the axis of the classes.

    Raises:
        ValueError: the shapes differ, or are ().

    Example:
        >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4).tolist()
        [0.6930999755859375]
    """
    target, output = jnp.asarray(target), jnp.asarray(inexact(output))
    _same_shape("ops.categorical_crossentropy", target, output)
    if output.ndim < 1:
        expected = "expected an axis of classes"
        raise ValueError(explain("ops.categorical_crossentropy", expected, describe(output)))
    log_p = _log_probabilities(output, from_logits, axis).astype(output.dtype)
    return -jnp.sum(times_log(target, log_p), axis=axis)


@op
def sparse_categorical_crossentropy(
    target: Array, output: Array, from_logits: bool = False, axis: int = -1
) -> Array:
    """Return -log(output[target]): categorical cross-entropy of class numbers.

    Args:
        target: class numbers, (N, ...) or (N, ..., 1); others than those of a class give 0.
        output: probabilities (normalized here to sum to 1), or logits, (N, ..., C).
        from_logits: whether `output` are logits, before the softmax.
        axis: the axis of the classes.

    Raises:
        ValueError: the shapes do not fit.

    Returns:
        The loss per row, float32 at least.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).round(4).tolist()
        [0.6930999755859375]
    """
    where = "ops.sparse_categorical_crossentropy"
    target, output = jnp.asarray(target).astype("int32"), jnp.asarray(inexact(output))
    if target.ndim == output.ndim and target.ndim and target.shape[-1] == 1:
        target = jnp.squeeze(target, -1)
    if output.ndim < 1 or target.shape != output.shape[:-1]:
        expected = "expected a target per row of output"
        raise ValueError(explain(where, expected, f"{describe(target)} and {describe(output)}"))
    log_p = _log_probabilities(output, from_logits, axis)
    chosen = jax.nn.one_hot(target, output.shape[axis], axis=axis, dtype=bool)
    return -jnp.sum(jnp.where(chosen, wide(log_p), 0), axis=axis)


@op
def psnr(x1: Array, x2: Array, max_val: float) -> Array:
    """Return the peak signal to noise ratio in decibels, 10 log10(max_val**2 / mean((x1 - x2)**2)).

    Args:
        x1, x2: images of one shape.
        max_val: the largest value that a pixel may have.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> psnr([0.0, 1.0], [0.1, 0.9], max_val=1.0).round(2).item()
        20.0
    """
    _same_shape("ops.psnr", x1, x2)
    error = jnp.mean(jnp.square(x1 - x2))
    return 20 * jnp.log10(jnp.asarray(max_val, x2.dtype)) - 10 * jnp.log10(error)
