"""Connectionist temporal classification: labels in order, at times that nobody marked."""

from __future__ import annotations

import jax.numpy as jnp

from lamina import ops
from lamina._core.errors import explain
from lamina._core.graph import Array
from lamina._measures._pair import measure

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
        Graves et al., "Connectionist temporal classification", 2006.

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
    frames = jnp.full(y_pred.shape[:1], y_pred.shape[1], "int32")
    return ops.ctc_loss(labels, y_pred, lengths, frames, mask_index=_BLANK)
