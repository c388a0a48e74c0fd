"""The short-time Fourier transform as the kernel of a convolution."""

from typing import Any

import numpy as np

from lamina._core.errors import describe, explain
from lamina.initializers._initializer import Initializer, as_dtype


class STFT(Initializer):
    """w[t] * cos(2 pi t f / n) / s, or with -sin: convolved with it, sound gives its spectrum.

    For the shape (frame_length, 1, bins) asked for, t runs over the frame, f over the bins, and n =
    2 * (bins - 1) is the length of the transform.

    Args:
        side: 'real' or 'imag', which part.
        window: name of one of scipy's windows, an array of `frame_length`, or None for no window.
        scaling: s is the root of the sum of squares of the window ('density'), the sum of its
            absolute values ('spectrum'), or 1 (None).
        periodic: whether a named window is made periodic (else symmetric).

    Raises:
        ValueError: an unknown side, window or scaling, or a window of another length.

    Example:
        >>> STFT("real", window=None)((4, 1, 3))[:, 0, 1].round(3).tolist()
        [1.0, 0.0, -1.0, -0.0]
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(
                explain("STFT initializer", "expected 'real' or 'imag' as `side`", describe(side))
            )
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(
                explain(
                    "STFT initializer",
                    "expected 'density', 'spectrum' or None as `scaling`",
                    describe(scaling),
                )
            )
        if isinstance(window, str):
            named_window(window, 2, periodic)
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        if len(shape) != 3:
            raise ValueError(
                explain(
                    "STFT initializer",
                    "expected a shape (frame_length, channels, bins)",
                    describe(shape),
                )
            )
        frame, _, bins = shape
        phase = (
            2 * np.pi * np.arange(frame)[:, None, None] * np.arange(bins) / (2 * (bins - 1))
        )  # (T, 1, F)
        kernel = np.cos(phase) if self.side == "real" else -np.sin(phase)
        return as_dtype(kernel * self._weights(frame), dtype)

    def _weights(self, frame: int) -> Any:
        """The window over its scale, (T, 1, 1)."""
        if self.window is None:
            return 1.0
        named = isinstance(self.window, str)
        window = (
            named_window(self.window, frame, self.periodic) if named else np.asarray(self.window)
        )
        if window.shape != (frame,):
            raise ValueError(
                explain(
                    "STFT initializer", f"expected a window of {frame} values", describe(window)
                )
            )
        scales = {"density": np.sqrt(np.sum(window**2)), "spectrum": np.sum(np.abs(window))}
        return (window / (scales[self.scaling] if self.scaling else 1.0))[:, None, None]


def named_window(name: str, length: int, periodic: bool = True) -> np.ndarray:
    """Return one of scipy's windows by name."""
    import scipy.signal

    try:
        return np.asarray(scipy.signal.get_window(name, length, fftbins=periodic))
    except ValueError as error:
        raise ValueError(
            explain(
                "window", "expected the name of a window of scipy.signal", f"{name!r}", str(error)
            )
        ) from None
