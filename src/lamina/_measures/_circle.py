"""Circle loss: vectors of one class together, those of others apart."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina._core.errors import explain
from lamina._core.graph import Array
from lamina._core.masks import set_mask
from lamina._measures._pair import measure


@measure
def circle(
    y_true: Array,
    y_pred: Array,
    ref_labels: Array | None = None,
    ref_embeddings: Array | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Array:
    """Return softplus(lse(gamma a_n (1 - margin - d_n)) + lse(gamma a_p (d_p - margin))).

    lse is logsumexp; d are cosine distances to the vectors n of other classes and p of the own;
    weights a_n = 1 + margin - d_n and a_p = margin + d_p make pairs count more when far off.

    Args:
        y_true: class numbers, (N,) or (N, 1).
        y_pred: vectors of length 1, (N, D).
        ref_labels: class numbers of what to compare with (default: `y_true`), (M,).
        ref_embeddings: vectors to compare with (default: `y_pred`), (M, D).
        remove_diagonal: whether sample i is not compared with reference i.
        gamma: scale of the logarithms.
        margin: radius of the decision boundary, in [0, 1].

    Returns:
        The loss per sample, (N,); samples without a partner or an opponent have 0, and all with
        loss 0 are masked.

    Raises:
        ValueError: the vectors have no two axes, or their number is not that of the labels.

    Reference:
        Sun et al., "Circle loss", 2020, arXiv:2002.10857. As in Keras, gradients flow through the
        weights a_n and a_p, too.

    Example:
        >>> vectors = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]
        >>> [round(x, 4) for x in circle([0, 0, 1], vectors, gamma=1.0).tolist()]
        [0.5629, 0.7339, 0.0]
    """
    y_true = _labels(y_true, y_pred)
    ref = y_pred if ref_embeddings is None else jnp.asarray(ref_embeddings).astype(y_pred.dtype)
    ref_labels = y_true if ref_labels is None else _labels(jnp.asarray(ref_labels), ref)
    distance = jnp.maximum(1.0 - y_pred @ ref.T, 0.0)  # (N, D) @ (D, M) -> (N, M)
    same = y_true[:, None] == ref_labels[None, :]  # (N, M)
    other = ~same
    if remove_diagonal:
        rows, columns = (jnp.arange(size) for size in same.shape)
        same = same & (rows[:, None] != columns[None, :])
    near = -gamma * (margin + distance) * (margin - distance)
    far = gamma * jnp.maximum(1.0 + margin - distance, 0.0) * (1.0 - margin - distance)
    both = jnp.any(same, axis=1) & jnp.any(other, axis=1)
    loss = jax.nn.softplus(_log_sum(near, same) + _log_sum(far, other))
    loss = jnp.where(both, loss, 0.0)
    set_mask(loss, loss > 0)
    return loss


def _labels(labels: Any, vectors: Any) -> Any:
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if vectors.ndim != 2 or labels.shape != vectors.shape[:1]:
        raise ValueError(
            explain(
                "circle",
                "expected vectors of shape (N, D) and class numbers of shape (N,)",
                f"vectors of shape {vectors.shape} and labels of shape {labels.shape}",
                "flatten the vectors; for one-hot labels use their argmax",
            )
        )
    return labels.astype("int32")


def _log_sum(x: Any, wanted: Any) -> Any:
    """Return log(sum(exp(x))) over what is wanted in each row; 0 for rows in which nothing is."""
    some = jnp.any(wanted, axis=1, keepdims=True)
    # A row of -inf alone would come back as NaN in the gradient.
    return jax.nn.logsumexp(jnp.where(wanted | ~some, jnp.where(some, x, 0.0), -jnp.inf), axis=1)
