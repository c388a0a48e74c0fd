"""Attention: sums of values, weighted by how well keys answer queries."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from lamina._core import config
from lamina._core.errors import describe, explain
from lamina._core.graph import Array, op
from lamina.ops._promotion import inexact


@op
def dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    bias: Array | None = None,
    mask: Array | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Array:
    """Return softmax(scale * query key^T + bias) value, per head.

    Args:
        query: (N, T, h, C).
        key: (N, S, k, C); h a multiple of k, each head of which serves h / k queries.
        value: (N, S, k, V).
        bias: added before the softmax, broadcasts to (N, h, T, S).
        mask: truth values: where a query may look, broadcasts to (N, h, T, S).
        scale: None for 1 / sqrt(C).
        is_causal: whether queries see only what stands at their own place or before.
        flash_attention: whether to use the fused kernel of cuDNN: True demands it, None uses it
            where `config.enable_flash_attention()` was called and it can be had.
        attn_logits_soft_cap: None; engines for TPU have it.

    Shapes:
        Returns (N, T, h, V).

    Raises:
        ValueError: other than 4 axes, or an option that this machine lacks.

    Reference:
        Vaswani et al., 2017, arXiv 1706.03762.
    """
    where = "ops.dot_product_attention"
    if not query.ndim == key.ndim == value.ndim == 4:
        got = ", ".join(describe(x) for x in (query, key, value))
        raise ValueError(explain(where, "expected (N, T, h, C), 4 axes each", got))
    if attn_logits_soft_cap is not None:
        expected = "expected attn_logits_soft_cap=None: only TPU engines have it"
        raise ValueError(explain(where, expected, f"{attn_logits_soft_cap}"))
    if flash_attention and jax.default_backend() != "gpu":
        raise ValueError(
            explain(
                where,
                "expected a GPU with cuDNN for flash attention",
                f"flash_attention=True on {jax.default_backend()}",
                "leave flash_attention=None, which uses it where it is to be had",
            )
        )
    _check_heads(where, query, key, value)
    dtype = jnp.result_type(inexact(query), inexact(key), inexact(value))
    query, key, value = (jnp.asarray(x, dtype) for x in (query, key, value))
    bias = None if bias is None else jnp.asarray(bias, dtype)
    mask = None if mask is None else jnp.asarray(mask, bool)
    arguments: dict[str, Any] = {"bias": bias, "mask": mask, "scale": scale, "is_causal": is_causal}
    if flash_attention or (flash_attention is None and _may_fuse(dtype)):
        try:
            return jax.nn.dot_product_attention(
                query, key, value, implementation="cudnn", **arguments
            )
        except (NotImplementedError, RuntimeError, TypeError, ValueError):
            if flash_attention:  # demanded, not just allowed
                raise
    if jax.default_backend() == "cpu" or key.shape[-1] != value.shape[-1]:
        return _attend(query, key, value, **arguments)
    return jax.nn.dot_product_attention(query, key, value, implementation="xla", **arguments)


def _check_heads(where: str, query: Any, key: Any, value: Any) -> None:
    fits = (
        query.shape[-1] == key.shape[-1]
        and key.shape[1:3] == value.shape[1:3]
        and query.shape[2] % key.shape[2] == 0
    )
    if not fits:
        raise ValueError(
            explain(
                where,
                "expected query (N, T, h, C), key (N, S, k, C) and value (N, S, k, V), h a "
                "multiple of k",
                ", ".join(
                    f"{n} {x.shape}"
                    for n, x in zip(("query", "key", "value"), (query, key, value), strict=True)
                ),
            )
        )


def _attend(
    query: Any, key: Any, value: Any, bias: Any, mask: Any, scale: float | None, is_causal: bool
) -> Any:
    """The sum in steps that XLA on CPU runs twice as fast as those of jax.nn.

    What is as large as the scores is touched as seldom as possible: the scale goes to the query,
    and the shares of the softmax are divided by their sum after they have met the values.
    """
    groups = query.shape[2] // key.shape[2]
    if groups > 1:
        key, value = (jnp.repeat(x, groups, axis=2) for x in (key, value))  # k -> h heads
    wide = jnp.promote_types(query.dtype, jnp.float32)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    if query.dtype == wide:  # in short floats the product would be rounded
        query, scale = query * scale, 1.0
    scores = jnp.einsum("nthc,nshc->nhts", query, key, preferred_element_type=wide)
    scores = scores if scale == 1.0 else scores * scale
    if bias is not None:
        scores = scores + bias
    if is_causal:
        steps = jnp.tril(jnp.ones(scores.shape[-2:], bool))  # (T, S)
        mask = steps if mask is None else mask & steps
    if mask is not None:
        # Not -inf, which would make NaN of rows that are masked whole.
        scores = jnp.where(mask, scores, -0.7 * float(jnp.finfo(wide).max))
    powers = jnp.exp(scores - lax.stop_gradient(jnp.max(scores, axis=-1, keepdims=True)))
    total = jnp.sum(powers, axis=-1).swapaxes(1, 2)[..., None]  # (N, h, T, S) -> (N, T, h, 1)
    powers = powers.astype(value.dtype)
    sums = jnp.einsum("nhts,nshv->nthv", powers, value, preferred_element_type=wide)
    return (sums / total).astype(value.dtype)


def _may_fuse(dtype: jnp.dtype) -> bool:
    """Whether the fused kernel is wanted, and takes arrays of `dtype`."""
    wanted = config.is_flash_attention_enabled()
    short = dtype in (jnp.bfloat16, jnp.float16)
    return bool(wanted) and short and jax.default_backend() == "gpu"
