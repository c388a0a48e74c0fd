"""Linear algebra."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.ops._linalg import (
        cholesky,
        cholesky_inverse,
        det,
        eig,
        eigh,
        inv,
        jvp,
        lstsq,
        lu_factor,
        matrix_power,
        matrix_rank,
        norm,
        pinv,
        qr,
        solve,
        solve_triangular,
        svd,
    )


__all__ = [
    "cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "jvp", "lstsq", "lu_factor",
    "matrix_power", "matrix_rank", "norm", "pinv", "qr", "solve", "solve_triangular", "svd",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__, home="lamina.ops")
