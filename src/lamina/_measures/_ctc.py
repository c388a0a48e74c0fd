"""Connectionist temporal classification: labels in order, at times that nobody marked."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina._core.errors import explain
from lamina._core.graph import Array
from lamina._measures._pair import measure

# Stands for log(0): small enough never to win, large enough to be added without becoming -inf,
# so that gradients stay finite where no alignment exists.
_IMPOSSIBLE = -1e5
_BLANK = 0


@measure
def ctc(y_true: Array, y_pred: Array) -> Array:
    """Return -log of the sum of the probabilities of all alignments of the labels to the frames.

    An alignment names a class per frame; repeats and then blanks are dropped to read the labels.

    Args:
        y_true: class numbers from 1, padded with 0, which is the blank, (N, L).
        y_pred: logits, (N, T, C).

    Returns:
        The loss per sample, (N,); about 1e5 where the frames are too few for the labels.

    Raises:
        ValueError: the shapes do not fit.

    Reference:
        Graves et al., "Connectionist temporal classification", 2006, the forward variables of
        section 4.1 in logarithms.

    Example:
        >>> round(float(ctc([[1]], [[[0.0, 0.0], [0.0, 0.0]]])[0]), 4)
        0.2877
    """
    if y_true.ndim != 2 or y_pred.ndim != 3 or y_true.shape[0] != y_pred.shape[0]:
        raise ValueError(
            explain(
                "ctc",
                "expected labels of shape (N, L) and logits of shape (N, T, C)",
                f"labels of shape {y_true.shape} and logits of shape {y_pred.shape}",
                "pad the labels with 0, the blank, to one length",
            )
        )
    labels = y_true.astype("int32")
    lengths = jnp.sum(labels != _BLANK, axis=1)
    log_p = jax.nn.log_softmax(y_pred, axis=-1)
    return -_log_likelihood(log_p, labels, lengths)


def _log_likelihood(log_p: Any, labels: Any, lengths: Any) -> Any:
    """Return log P(labels) for log-probabilities (N, T, C), labels (N, L), their lengths (N,)."""
    states = _interleave(labels)  # (N, L) -> (N, S), S = 2 L + 1
    emitted = jnp.take_along_axis(log_p, states[:, None, :], axis=2)  # (N, T, C) -> (N, T, S)
    # From a label one may go straight on to the next one, unless they are equal.
    before = jnp.pad(states, ((0, 0), (2, 0)), constant_values=-1)[:, :-2]
    skips = (states != _BLANK) & (states != before) & (jnp.arange(states.shape[1]) > 1)

    def step(alpha: Any, frame: Any) -> tuple[Any, None]:
        stay_or_next = jnp.logaddexp(alpha, _shift(alpha, 1))
        skipped = jnp.where(skips, _shift(alpha, 2), _IMPOSSIBLE)
        return jnp.logaddexp(stay_or_next, skipped) + frame, None

    frames = jnp.moveaxis(emitted, 1, 0)  # (N, T, S) -> (T, N, S)
    first = jnp.where(jnp.arange(states.shape[1]) == 0, 0.0, _IMPOSSIBLE)
    start = jnp.broadcast_to(first, states.shape).astype(log_p.dtype)
    # The start is state 0 before the first frame: the first step reaches states 0 and 1.
    alpha, _ = jax.lax.scan(step, start, frames)
    last = 2 * lengths[:, None]
    ends = jnp.concatenate([last, jnp.maximum(last - 1, 0)], axis=1)
    blank, label = jnp.moveaxis(jnp.take_along_axis(alpha, ends, axis=1), 1, 0)
    return jnp.where(lengths > 0, jnp.logaddexp(blank, label), blank)


def _interleave(labels: Any) -> Any:
    """Return the labels with blanks between, before and after them."""
    n = labels.shape[0]
    pairs = jnp.stack([labels, jnp.full_like(labels, _BLANK)], axis=2).reshape(n, -1)
    return jnp.pad(pairs, ((0, 0), (1, 0)), constant_values=_BLANK)


def _shift(alpha: Any, by: int) -> Any:
    return jnp.pad(alpha, ((0, 0), (by, 0)), constant_values=_IMPOSSIBLE)[:, :-by]
