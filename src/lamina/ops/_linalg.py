"""Linear algebra: decompositions, equations, norms. Matrices are the last two axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from lamina._core import tree
from lamina._core.errors import describe, explain
from lamina._core.graph import Array, as_operand, op
from lamina.ops._promotion import axes, inexact, wide
from lamina.ops._tails import root


def _matrices(where: str, x: Any, square: bool = False) -> Any:
    x = jnp.asarray(inexact(x))
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        expected = f"expected {'square ' if square else ''}matrices in the last two axes"
        raise ValueError(explain(where, expected, describe(x)))
    return x


@op
def cholesky(x: Array, upper: bool = False) -> Array:
    """Return the triangular matrix L with L L^T = x.

    Args:
        x: symmetric and positive definite, (..., M, M).
        upper: whether to return L^T.

    Raises:
        ValueError: no square matrices, or, where the values are known, not positive definite.

    Example:
        >>> cholesky([[4.0, 2.0], [2.0, 5.0]]).tolist()
        [[2.0, 0.0], [1.0, 2.0]]
    """
    x = _matrices("ops.cholesky", x, square=True)
    factor = jnp.linalg.cholesky(x, upper=upper)
    if not isinstance(factor, jax.core.Tracer) and bool(jnp.isnan(factor).any()):
        raise ValueError(
            explain(
                "ops.cholesky",
                "expected positive definite matrices",
                describe(x),
                "add a small number to the diagonal: x + 1e-6 * ops.eye(M)",
            )
        )
    return factor


@op
def cholesky_inverse(x: Array, upper: bool = False) -> Array:
    """Return the inverse of L L^T.

    Args:
        x: L, triangular, (..., M, M).
        upper: whether x is L^T.
    """
    x = _matrices("ops.cholesky_inverse", x, square=True)
    inverse = _triangular(
        x, jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape), not upper
    )
    turned = jnp.swapaxes(inverse, -1, -2)
    return inverse @ turned if upper else turned @ inverse


@op
def det(x: Array) -> Array:
    """Return the determinant: (..., M, M) to (...).

    Example:
        >>> det([[2.0, 0.0], [0.0, 3.0]]).item()
        6.0
    """
    return jnp.linalg.det(_matrices("ops.det", x, square=True))


@op
def slogdet(x: Array) -> tuple[Array, Array]:
    """Return the sign of the determinant and the logarithm of its size."""
    sign, log = jnp.linalg.slogdet(_matrices("ops.slogdet", x, square=True))
    return sign, log


@op
def logdet(x: Array) -> Array:
    """Return the logarithm of the determinant's size."""
    return jnp.linalg.slogdet(_matrices("ops.logdet", x, square=True))[1]


@op
def eig(x: Array) -> tuple[Array, Array]:
    """Return the eigenvalues, (..., M), and eigenvectors, columns of (..., M, M), complex."""
    values, vectors = jnp.linalg.eig(_matrices("ops.eig", x, square=True))
    return values, vectors


@op
def eigh(x: Array) -> tuple[Array, Array]:
    """Return the eigenvalues, increasing, and eigenvectors of symmetric matrices; see `eig`.

    Example:
        >>> eigh([[2.0, 0.0], [0.0, 1.0]])[0].tolist()
        [1.0, 2.0]
    """
    values, vectors = jnp.linalg.eigh(_matrices("ops.eigh", x, square=True))
    return values, vectors


@op
def inv(x: Array) -> Array:
    """Return the inverse of square matrices.

    Example:
        >>> inv([[2.0, 0.0], [0.0, 4.0]]).tolist()
        [[0.5, 0.0], [0.0, 0.25]]
    """
    return jnp.linalg.inv(_matrices("ops.inv", x, square=True))


@op
def pinv(x: Array, rcond: float | None = None) -> Array:
    """Return the Moore-Penrose inverse: (..., M, N) to (..., N, M).

    Args:
        rcond: singular values below this fraction of the largest count as 0; None for one that
            goes with the dtype.
    """
    return jnp.linalg.pinv(_matrices("ops.pinv", x), rtol=rcond)


@op
def matrix_rank(x: Array, tol: float | None = None) -> Array:
    """Return the number of singular values above `tol`, int32: (..., M, N) to (...).

    Args:
        tol: fraction of the largest; None for one that goes with size and dtype.
    """
    return jnp.linalg.matrix_rank(_matrices("ops.matrix_rank", x), rtol=tol).astype("int32")


@op
def matrix_power(x: Array, n: int) -> Array:
    """Return the product of n square matrices x; of their inverses for n < 0.

    Raises:
        TypeError: n is no whole number.

    Example:
        >>> matrix_power([[1.0, 1.0], [0.0, 1.0]], 3).tolist()
        [[1.0, 3.0], [0.0, 1.0]]
    """
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(explain("ops.matrix_power", "expected a whole number as n", describe(n)))
    return jnp.linalg.matrix_power(_matrices("ops.matrix_power", x, square=True), n)


@op
def lu_factor(x: Array) -> tuple[Array, Array]:
    """Return the LU decomposition with exchanged rows.

    Returns:
        Both triangles in one matrix, (..., M, N), the ones on L's diagonal left out; and with
        which row each was exchanged, (..., min(M, N)), int32.
    """
    lu, pivots, _ = jax.lax.linalg.lu(_matrices("ops.lu_factor", x))
    return lu, pivots


@op
def qr(x: Array, mode: str = "reduced") -> tuple[Array, Array]:
    """Return an orthogonal matrix q and an upper triangular r with q r = x.

    Args:
        x: (..., M, N).
        mode: 'reduced' for K = min(M, N) columns of q, 'complete' for M.

    Raises:
        ValueError: an unknown mode.
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(explain("ops.qr", "expected mode 'reduced' or 'complete'", describe(mode)))
    q, r = jnp.linalg.qr(_matrices("ops.qr", x), mode=mode)
    return q, r


@op
def svd(x: Array, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return the singular value decomposition: u, s, v with (u * s) v = x.

    Args:
        x: (..., M, N), with K = min(M, N).
        full_matrices: whether u is (..., M, M) and v (..., N, N), not (..., M, K), (..., K, N).
        compute_uv: whether to return them beside s, (..., K), decreasing.

    Example:
        >>> svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False).tolist()
        [4.0, 3.0]
    """
    parts = jnp.linalg.svd(_matrices("ops.svd", x), full_matrices, compute_uv)
    return tuple(parts) if compute_uv else parts


@op
def solve(a: Array, b: Array) -> Array:
    """Return x with a x = b.

    Args:
        a: square matrices, (..., M, M).
        b: (..., M) or (..., M, N).

    Raises:
        ValueError: shapes that do not fit.

    Example:
        >>> solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]).tolist()
        [1.0, 0.5]
    """
    return _solved(jnp.linalg.solve, *_equations("ops.solve", a, b))


@op
def solve_triangular(a: Array, b: Array, lower: bool = False) -> Array:
    """Return x with a x = b for triangular matrices.

    Args:
        a: (..., M, M), of which only one triangle is read.
        b: (..., M) or (..., M, N).
        lower: whether it is the lower.
    """
    solver = partial(_triangular, lower=lower)
    return _solved(solver, *_equations("ops.solve_triangular", a, b))


def _solved(solver: Callable[..., Any], a: Any, b: Any) -> Any:
    """The solution of a x = b, `b` of vectors or of matrices."""
    return solver(a, b) if b.ndim >= a.ndim else solver(a, b[..., None])[..., 0]


def _triangular(a: Any, b: Any, lower: bool) -> Any:
    return jax.lax.linalg.triangular_solve(a, b, left_side=True, lower=lower)


def _equations(where: str, a: Any, b: Any) -> tuple[Any, Any]:
    a, b = _matrices(where, a, square=True), jnp.asarray(inexact(b))
    rows = b.shape[-1] if b.ndim == a.ndim - 1 else b.shape[-2] if b.ndim >= 2 else None
    if rows != a.shape[-1]:
        expected = "expected a (..., M, M) and b (..., M) or (..., M, N)"
        raise ValueError(explain(where, expected, f"{describe(a)} and {describe(b)}"))
    dtype = jnp.result_type(a, b)
    return a.astype(dtype), b.astype(dtype)


@op
def lstsq(a: Array, b: Array, rcond: float | None = None) -> Array:
    """Return the x for which the sum of squares of a x - b is least; of several, the shortest.

    Args:
        a: (M, N).
        b: (M,) or (M, K).
        rcond: singular values below this fraction of the largest count as 0.

    Raises:
        ValueError: shapes that do not fit.

    Example:
        >>> lstsq([[1.0], [1.0]], [1.0, 3.0]).round(3).tolist()
        [2.0]
    """
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        expected = "expected a (M, N) and b (M,) or (M, K)"
        raise ValueError(explain("ops.lstsq", expected, f"{describe(a)} and {describe(b)}"))
    return jnp.linalg.lstsq(inexact(a), inexact(b), rcond=rcond)[0]


@op
def norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    """Return the norm of vectors or matrices.

    Args:
        ord: of vectors a number p, for sum(|x|**p)**(1 / p), or infinity; of matrices 'fro',
            'nuc', 1, 2 or infinity, or these with a minus sign. None for the root of the sum of
            squares.
        axis: one of vectors, two of matrices; None for all, as one vector if `ord` is None.
        keepdims: whether the axes stay, with size 1.

    Raises:
        ValueError: another `ord` or number of axes.

    Example:
        >>> norm([3.0, 4.0]).item(), norm([[3.0, 4.0]], ord=1, axis=-1).tolist()
        (5.0, [7.0])
    """
    x, axis = jnp.asarray(inexact(x)), axes(axis)
    count = 1 if isinstance(axis, int) else len(axis or range(x.ndim))
    if ord is None or (ord == 2 and count == 1) or (ord == "fro" and count == 2):
        square = jnp.square(jnp.real(wide(x)))
        if jnp.iscomplexobj(x):
            square += jnp.square(jnp.imag(x))
        length = root(jnp.sum(square, axis, keepdims=keepdims))
        return length.astype(jnp.finfo(x.dtype).dtype)
    if count == 1 and isinstance(ord, (int, float)) and 1 < ord < math.inf:
        total = jnp.sum(jnp.abs(wide(x)) ** ord, axis, keepdims=keepdims)
        return root(total, ord).astype(jnp.finfo(x.dtype).dtype)
    return jnp.linalg.norm(x, ord=ord, axis=axis, keepdims=keepdims)


@partial(op, explains_errors=False)
def jvp(
    fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False
) -> tuple[Any, ...]:
    """Return fun(*primals), and how fast it changes if the primals change by the tangents.

    Args:
        fun: function of arrays.
        primals: its arguments, a tuple or list.
        tangents: a change for each, of its shape and dtype.
        has_aux: whether `fun` returns (result, anything), the latter then returned third.

    Example:
        >>> [part.item() for part in jvp(lambda x: x * x, (3.0,), (1.0,))]
        [9.0, 6.0]
    """
    points, changes = (tree.map_structure(as_operand, tuple(s)) for s in (primals, tangents))
    return tuple(jax.jvp(fun, points, changes, has_aux=has_aux))
