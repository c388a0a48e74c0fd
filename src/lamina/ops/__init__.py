"""Functions of arrays, and of symbolic tensors: `lamina.ops.relu(x)`.

All of `ops.numpy`, `ops.nn` and `ops.linalg` is here too, beside what has no other place.
"""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy
from lamina.ops import image, linalg, nn, numpy
from lamina.ops._operators import bind_operators as _bind_operators

if TYPE_CHECKING:
    from lamina.ops._arithmetic import (
        rsqrt,
    )
    from lamina.ops._complex import (
        view_as_complex,
        view_as_real,
    )
    from lamina.ops._control import (
        associative_scan,
        cond,
        custom_gradient,
        fori_loop,
        map,
        scan,
        switch,
        vectorized_map,
        while_loop,
    )
    from lamina.ops._conversion import (
        cast,
        convert_to_numpy,
        convert_to_tensor,
        dtype,
        is_tensor,
        saturate_cast,
        stop_gradient,
    )
    from lamina.ops._indexing import (
        scatter,
        scatter_update,
        segment_max,
        segment_min,
        segment_prod,
        segment_sum,
        slice,
        slice_update,
    )
    from lamina.ops._linalg import (
        logdet,
    )
    from lamina.ops._products import (
        cdist,
    )
    from lamina.ops._reductions import (
        logsumexp,
    )
    from lamina.ops._shapes import (
        rearrange,
        shape,
        unstack,
    )
    from lamina.ops._sorting import (
        in_top_k,
        top_k,
    )
    from lamina.ops._spectral import (
        extract_sequences,
        fft,
        fft2,
        ifft2,
        irfft,
        istft,
        rfft,
        stft,
    )
    from lamina.ops._transcendental import (
        erf,
        erfc,
        erfinv,
        gammainc,
    )
    from lamina.ops.linalg import *  # noqa: F403
    from lamina.ops.nn import *  # noqa: F403
    from lamina.ops.numpy import *  # noqa: F403


__all__ = [
    *linalg.__all__, *nn.__all__, *numpy.__all__,
    "associative_scan", "cast", "cdist", "cond", "convert_to_numpy", "convert_to_tensor",
    "custom_gradient", "dtype", "erf", "erfc", "erfinv", "extract_sequences", "fft", "fft2",
    "fori_loop", "gammainc", "ifft2", "image", "in_top_k", "irfft", "is_tensor", "istft",
    "linalg", "logdet", "logsumexp", "map", "nn", "numpy", "rearrange", "rfft", "rsqrt",
    "saturate_cast", "scan", "scatter", "scatter_update", "segment_max", "segment_min",
    "segment_prod", "segment_sum", "shape", "slice", "slice_update", "stft", "stop_gradient",
    "switch", "top_k", "unstack", "vectorized_map", "view_as_complex", "view_as_real",
    "while_loop",
]  # fmt: skip
_bind_operators()
__getattr__, __dir__ = _lazy(__name__)
