"""Connectionist temporal classification: labels without a place in time.

Reference:
    Graves et al., "Connectionist temporal classification", 2006.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina._core.errors import describe, explain, unknown
from lamina._core.graph import Array, op
from lamina.ops._promotion import wide

# Stands for log(0): finite, so that labels too long for the output have a large loss, not NaN.
_NEVER = -1e5


@op
def ctc_loss(
    target: Array, output: Array, target_length: Array, output_length: Array, mask_index: int = 0
) -> Array:
    """Return -log of the probability of the labels, summed over all their places in time.

    Args:
        target: class numbers, (N, L).
        output: logits, (N, T, C).
        target_length: how many labels of each row count, (N,).
        output_length: how many time steps of each row count, (N,).
        mask_index: the class that stands for "no label here".

    Shapes:
        Returns (N,).

    Raises:
        ValueError: other axes.
    """
    target, target_length, output_length = (
        jnp.asarray(x).astype("int32") for x in (target, target_length, output_length)
    )
    if target.ndim != 2 or output.ndim != 3:
        expected = "expected target (N, L) and output (N, T, C)"
        got = f"{describe(target)} and {describe(output)}"
        raise ValueError(explain("ops.ctc_loss", expected, got))
    log_p = jax.nn.log_softmax(wide(output))  # (N, T, C)
    n, length = target.shape
    # The labels with a blank before, between and after: state 2 i + 1 is label i.
    states = jnp.full((n, 2 * length + 1), mask_index).at[:, 1::2].set(target)  # (N, S)
    emitted = jax.nn.one_hot(states, output.shape[-1], dtype=log_p.dtype)
    log_p = jnp.einsum("ntc,nsc->tns", log_p, emitted)  # (T, N, S)
    # A blank may be left out between two different labels.
    label = jnp.arange(2 * length + 1) % 2 == 1
    skips = label & (states != jnp.roll(states, 2, axis=1)) & (jnp.arange(2 * length + 1) > 1)

    def step(alpha: Any, now: Any) -> tuple[Any, None]:
        t, emit = now
        come = jnp.logaddexp(alpha, _shifted(alpha, 1))
        come = jnp.where(skips, jnp.logaddexp(come, _shifted(alpha, 2)), come)
        return jnp.where((t < output_length)[:, None], come + emit, alpha), None

    start = jnp.full(states.shape, _NEVER, log_p.dtype).at[:, 0].set(0.0)
    alpha, _ = jax.lax.scan(step, start, (jnp.arange(log_p.shape[0]), log_p))
    last = 2 * target_length[:, None]  # in the last blank, or the last label
    at_blank = jnp.take_along_axis(alpha, last, axis=1)
    at_label = jnp.take_along_axis(alpha, jnp.maximum(last - 1, 0), axis=1)
    at_label = jnp.where(last > 0, at_label, _NEVER)
    return -jnp.logaddexp(at_blank, at_label)[:, 0]


def _shifted(alpha: Any, by: int) -> Any:
    """States moved up by `by`, nothing moving in: (N, S) -> (N, S)."""
    return jnp.pad(alpha, ((0, 0), (by, 0)), constant_values=_NEVER)[:, : alpha.shape[1]]


@op
def ctc_decode(
    inputs: Array,
    sequence_lengths: Array,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[Array, Array]:
    """Return the labels that logits over time stand for.

    Args:
        inputs: logits, (N, T, C).
        sequence_lengths: how many time steps of each row count, (N,).
        strategy: 'greedy', the best class of each step, or 'beam_search'.
        beam_width: how many candidates a beam search keeps.
        top_paths: how many of them it returns.
        merge_repeated: whether 'greedy' takes a class that goes on for one label.
        mask_index: the class that stands for "no label here"; None for the last.

    Returns:
        Labels, (top_paths, N, T) with -1 behind them, and scores: of 'greedy' (N, 1), minus the
        sum of the largest inputs; of 'beam_search' (N, top_paths), log-probabilities.

    Raises:
        ValueError: an unknown strategy.

    Example:
        >>> logits = jnp.log(jnp.array([[[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]]))
        >>> ctc_decode(logits, [3])[0].tolist()
        [[[1, 2, -1]]]
    """
    x, lengths = wide(inputs), jnp.asarray(sequence_lengths).astype("int32")
    blank = x.shape[-1] - 1 if mask_index is None else mask_index
    if strategy == "greedy":
        return _greedy(x, lengths, merge_repeated, blank)
    if strategy != "beam_search":
        raise ValueError(unknown("strategy", strategy, ("greedy", "beam_search")))
    search = jax.vmap(lambda row, length: _beam_search(row, length, beam_width, top_paths, blank))
    paths, scores = search(jax.nn.log_softmax(x), lengths)
    return jnp.swapaxes(paths, 0, 1), scores


def _greedy(x: Any, lengths: Any, merge_repeated: bool, blank: int) -> tuple[Any, Any]:
    steps = x.shape[1]
    over = jnp.arange(steps) >= lengths[:, None]  # (N, T)
    labels = jnp.where(over, blank, jnp.argmax(x, axis=-1))
    scores = -jnp.sum(jnp.where(over, 0.0, jnp.max(x, axis=-1)), axis=1, keepdims=True)
    keep = labels != blank
    if merge_repeated:
        keep &= jnp.pad(labels[:, 1:] != labels[:, :-1], ((0, 0), (1, 0)), constant_values=True)
    order = jnp.argsort(~keep, axis=1, stable=True)  # labels first, in their order
    labels = jnp.take_along_axis(jnp.where(keep, labels, -1), order, axis=1)
    return labels[None].astype("int32"), scores


def _beam_search(x: Any, length: Any, width: int, top_paths: int, blank: int) -> tuple[Any, Any]:
    """The most probable label sequences of log-probabilities `x`, (T, C).

    A candidate is a sequence of labels; it has one log-probability of ending in a blank and one
    of ending in its last label, as a label that follows itself needs a blank between.
    """
    steps = x.shape[0]
    paths = jnp.full((width, steps), -1, "int32")
    sizes = jnp.zeros(width, "int32")
    nothing = jnp.full(width, -jnp.inf, x.dtype)
    start = (paths, sizes, nothing.at[0].set(0.0), nothing)

    def step(beam: Any, now: Any) -> tuple[Any, None]:
        t, log_p = now
        grown = _grow(beam, log_p, blank)
        return jax.tree.map(lambda new, old: jnp.where(t < length, new, old), grown, beam), None

    (paths, _, in_blank, in_label), _ = jax.lax.scan(step, start, (jnp.arange(steps), x))
    scores = jnp.logaddexp(in_blank, in_label)
    best = jnp.argsort(-scores)[:top_paths]
    return paths[best], scores[best]


def _grow(beam: Any, log_p: Any, blank: int) -> Any:
    """The best candidates after one more time step with log-probabilities `log_p`, (C,)."""
    paths, sizes, in_blank, in_label = beam
    width, classes = paths.shape[0], log_p.shape[0]
    rows = jnp.arange(width)
    last = jnp.where(sizes > 0, paths[rows, sizes - 1], -1)  # (W,)
    total = jnp.logaddexp(in_blank, in_label)
    # The same labels: by a blank, or because the last goes on.
    stay_blank = total + log_p[blank]
    stay_label = jnp.where(last >= 0, in_label + log_p[last], -jnp.inf)
    # One label more: a repeated one needs the blank.
    repeated = jnp.arange(classes) == last[:, None]  # (W, C)
    more = jnp.where(repeated, in_blank[:, None], total[:, None]) + log_p
    more = more.at[:, blank].set(-jnp.inf)
    # Where candidate i with one label more is candidate j, their probabilities add up.
    shorter = paths.at[rows, sizes - 1].set(jnp.where(sizes > 0, -1, paths[rows, sizes - 1]))
    same = (shorter[None] == paths[:, None]).all(-1) & (sizes[None] == sizes[:, None] + 1)  # i, j
    arrives = jnp.where(same, more[:, jnp.maximum(last, 0)], -jnp.inf)  # (i, j)
    stay_label = jnp.logaddexp(stay_label, jax.nn.logsumexp(arrives, axis=0))
    taken = (same[:, :, None] & (jnp.arange(classes) == last[None, :, None])).any(1)  # (i, C)
    more = jnp.where(taken, -jnp.inf, more)
    # The best of all: W candidates as they are, W C with one label more.
    scores = jnp.concatenate([jnp.logaddexp(stay_blank, stay_label), more.ravel()])
    best = jax.lax.top_k(scores, width)[1]
    grew = best >= width
    parent = jnp.where(grew, (best - width) // classes, best)
    label = (best - width) % classes
    longer = paths[parent].at[rows, sizes[parent]].set(label.astype("int32"))
    return (
        jnp.where(grew[:, None], longer, paths[parent]),
        sizes[parent] + grew,
        jnp.where(grew, -jnp.inf, stay_blank[parent]),
        jnp.where(grew, more.ravel()[best - width], stay_label[parent]),
    )
