"""Attention: sums of values, weighted by how well keys answer queries."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

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
        value: (N, S, k, C).
        bias: added before the softmax, broadcasts to (N, h, T, S).
        mask: truth values: where a query may look, broadcasts to (N, h, T, S).
        scale: None for 1 / sqrt(C).
        is_causal: whether queries see only what stands at their own place or before.
        flash_attention: whether to use the fused kernel of cuDNN: True demands it, None uses it
            where `config.enable_flash_attention()` was called and it can be had.
        attn_logits_soft_cap: None; engines for TPU have it.

    Shapes:
        Returns (N, T, h, C).

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
    return jax.nn.dot_product_attention(query, key, value, implementation="xla", **arguments)


def _may_fuse(dtype: jnp.dtype) -> bool:
    """Whether the fused kernel is wanted, and takes arrays of `dtype`."""
    wanted = config.is_flash_attention_enabled()
    short = dtype in (jnp.bfloat16, jnp.float16)
    return bool(wanted) and short and jax.default_backend() == "gpu"
