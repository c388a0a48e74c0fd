"""Fourier transforms, of whole signals and of short pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core.errors import describe, explain
from lamina._core.graph import Array, as_array, op


def _complex(where: str, x: Any) -> Any:
    """The complex array of a pair (real part, imaginary part)."""
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(explain(where, "expected a pair (real part, imaginary part)", describe(x)))
    real, imag = (jnp.asarray(part) for part in x)
    floats = all(jnp.issubdtype(part.dtype, jnp.floating) for part in (real, imag))
    if real.shape != imag.shape or not floats:
        raise ValueError(
            explain(
                where,
                "expected floats of one shape as real and imaginary part",
                f"{describe(real)} and {describe(imag)}",
            )
        )
    return jax.lax.complex(real, imag)


def _parts(x: Any) -> tuple[Any, Any]:
    return jnp.real(x), jnp.imag(x)


@op
def fft(x: Sequence[Array]) -> tuple[Array, Array]:
    """Return the discrete Fourier transform along the last axis.

    Args:
        x: real and imaginary part, (..., N) each.

    Returns:
        Real and imaginary part, (..., N) each.

    Example:
        >>> [part.tolist() for part in fft(([1.0, 0.0], [0.0, 0.0]))]
        [[1.0, 1.0], [0.0, 0.0]]
    """
    return _parts(jnp.fft.fft(_complex("ops.fft", x)))


@op
def fft2(x: Sequence[Array]) -> tuple[Array, Array]:
    """Return the discrete Fourier transform along the last two axes; see `fft`."""
    return _parts(jnp.fft.fft2(_complex("ops.fft2", x)))


@op
def ifft2(x: Sequence[Array]) -> tuple[Array, Array]:
    """Return what `fft2` makes x of; real and imaginary part, as there."""
    return _parts(jnp.fft.ifft2(_complex("ops.ifft2", x)))


@op
def rfft(x: Array, fft_length: int | None = None) -> tuple[Array, Array]:
    """Return the discrete Fourier transform of real numbers along the last axis.

    Args:
        x: (..., N).
        fft_length: N is cut or filled with 0 to it; None for N.

    Returns:
        Real and imaginary part, (..., fft_length // 2 + 1) each.
    """
    return _parts(jnp.fft.rfft(x, n=fft_length))


@op
def irfft(x: Sequence[Array], fft_length: int | None = None) -> Array:
    """Return the real numbers that `rfft` makes x of.

    Args:
        x: real and imaginary part, (..., F) each.
        fft_length: how many numbers; None for 2 (F - 1).
    """
    return jnp.fft.irfft(_complex("ops.irfft", x), n=fft_length)


@op
def extract_sequences(x: Array, sequence_length: int, sequence_stride: int) -> Array:
    """Return the pieces of the last axis that start every `sequence_stride` samples.

    Args:
        sequence_length: samples per piece.
        sequence_stride: samples from the start of one to that of the next.

    Shapes:
        x: (..., T). Returns (..., pieces, sequence_length), only whole pieces.

    Raises:
        ValueError: a stride that is no positive whole number.

    Example:
        >>> extract_sequences([1, 2, 3, 4, 5], 3, 2).tolist()
        [[1, 2, 3], [3, 4, 5]]
    """
    _check_stride("ops.extract_sequences", sequence_stride)
    starts = jnp.arange((x.shape[-1] - sequence_length) // sequence_stride + 1) * sequence_stride
    places = starts[:, None] + jnp.arange(sequence_length)  # (pieces, sequence_length)
    return jnp.take(x, places, axis=-1)


_WINDOWS = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}


def _window(where: str, window: Any, length: int, fft_length: int, dtype: Any) -> Any:
    """The window, with 0 on both sides to `fft_length`."""
    if fft_length < length:
        expected = f"expected fft_length of sequence_length ({length}) or more"
        raise ValueError(explain(where, expected, f"fft_length={fft_length}"))
    if window is None:
        return jnp.ones(fft_length, dtype)
    if isinstance(window, str):
        if window not in _WINDOWS:
            expected = f"expected {' or '.join(map(repr, _WINDOWS))}, an array or None as window"
            raise ValueError(explain(where, expected, repr(window)))
        # Over one period: the sample that would repeat the first is left out.
        offset, height = _WINDOWS[window]
        weights = offset - height * np.cos(2 * np.pi * np.arange(length) / length)
    else:
        weights = as_array(window)
    if weights.shape != (length,):
        expected = f"expected a window of shape ({length},), the length of a sequence"
        raise ValueError(explain(where, expected, f"shape {weights.shape}"))
    left = (fft_length - length) // 2
    return jnp.pad(jnp.asarray(weights, dtype), (left, fft_length - length - left))


def _check_stride(where: str, stride: Any) -> None:
    if isinstance(stride, bool) or not isinstance(stride, int) or stride < 1:
        expected = "expected a positive whole number as sequence_stride"
        raise ValueError(explain(where, expected, describe(stride)))


@op
def stft(
    x: Array,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> tuple[Array, Array]:
    """Return the Fourier transforms of the pieces of a signal.

    Args:
        x: signal, (..., T), float32 or float64.
        sequence_length: samples per piece.
        sequence_stride: samples from the start of one piece to that of the next.
        fft_length: to which pieces are filled up with 0.
        window: what pieces are multiplied with: 'hann', 'hamming', an array, or None.
        center: whether the first piece has the first sample in its middle; the signal is
            mirrored at its ends.

    Returns:
        Real and imaginary part, (..., pieces, fft_length // 2 + 1) each.

    Raises:
        TypeError, ValueError: another dtype, lengths or window that do not fit.

    Example:
        >>> stft(np.ones(16, "float32"), 8, 4, 8)[0].shape
        (5, 5)
    """
    _check_stride("ops.stft", sequence_stride)
    if x.dtype not in (jnp.float32, jnp.float64):
        raise TypeError(explain("ops.stft", "expected float32 or float64", f"x: {x.dtype}"))
    weights = _window("ops.stft", window, sequence_length, fft_length, x.dtype)
    if center:
        half = fft_length // 2
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)], mode="reflect")
    return _parts(jnp.fft.rfft(extract_sequences(x, fft_length, sequence_stride) * weights))


@op
def istft(
    x: Sequence[Array],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Array:
    """Return the signal whose `stft` is x, as near as may be.

    The pieces are weighted with the window, added where they overlap, and divided by the sum of
    the squared windows there.

    Args:
        x: real and imaginary part, (..., pieces, fft_length // 2 + 1) each.
        sequence_length, sequence_stride, fft_length, window, center: as for `stft`.
        length: samples to return; None for all there are.

    Returns:
        The signal, (..., T).

    Reference:
        Griffin and Lim, "Signal estimation from modified short-time Fourier transform", 1984.

    Example:
        >>> signal = np.arange(16, dtype="float32")
        >>> istft(stft(signal, 8, 4, 8), 8, 4, 8).round(2)[:4].tolist()
        [0.0, 1.0, 2.0, 3.0]
    """
    _check_stride("ops.istft", sequence_stride)
    spectra = _complex("ops.istft", x)
    if spectra.ndim < 2:
        expected = "expected two axes or more: pieces and frequencies"
        raise ValueError(explain("ops.istft", expected, f"shape {spectra.shape}"))
    weights = _window("ops.istft", window, sequence_length, fft_length, x[0].dtype)
    pieces = jnp.fft.irfft(spectra, n=fft_length) * weights  # (..., pieces, fft_length)
    norm = _overlap_add(jnp.broadcast_to(weights**2, pieces.shape[-2:]), sequence_stride)
    signal = _overlap_add(pieces, sequence_stride) / jnp.where(norm > 1e-10, norm, 1.0)
    if window is None:  # as tf.signal: the sum of the pieces, not their mean
        signal = signal * (fft_length / sequence_stride)
    start = fft_length // 2 if center else 0
    if length is not None:
        return signal[..., start : start + length]
    return signal[..., start : signal.shape[-1] - start]


def _overlap_add(pieces: Any, stride: int) -> Any:
    """The sum of pieces that start every `stride` samples: (..., P, L) -> (..., T)."""
    count, length = pieces.shape[-2:]
    blocks = -(-length // stride)  # each piece cut into blocks of one stride
    filled = jnp.pad(pieces, [(0, 0)] * (pieces.ndim - 1) + [(0, blocks * stride - length)])
    cut = jnp.reshape(filled, (*pieces.shape[:-1], blocks, stride))
    before = [(0, 0)] * (pieces.ndim - 2)
    moved = [jnp.pad(cut[..., k, :], [*before, (k, blocks - 1 - k), (0, 0)]) for k in range(blocks)]
    total = sum(moved[1:], moved[0])  # (..., P + blocks - 1, stride)
    flat = jnp.reshape(total, (*pieces.shape[:-2], (count + blocks - 1) * stride))
    return flat[..., : (count - 1) * stride + length]
