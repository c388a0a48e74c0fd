"""Sounds in .wav files, as arrays."""

import wave
from typing import Any

import numpy as np

from lamina._core.errors import explain

# Bytes per sample -> dtype in the file, value of silence, largest value.
_KINDS = {1: ("u1", 128, 128), 2: ("<i2", 0, 1 << 15), 4: ("<i4", 0, 1 << 31)}


def read_wave(path: Any, rate: int | None = None, length: int | None = None) -> np.ndarray:
    """Return a sound as float32 from -1 to 1.

    Args:
        path: of a .wav file of 8, 16, 24 or 32 bits.
        rate: samples per second of the result; None for the file's.
        length: samples of the result, which is cut or filled up with 0; None for all.

    Shapes:
        (T, C).

    Raises:
        ValueError: a file of another kind.
    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, own_rate = (
                file.getnchannels(),
                file.getsampwidth(),
                file.getframerate(),
            )
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(
            explain("read_wave", "expected a .wav file of whole numbers", f"{path}: {error}")
        ) from error
    if width == 3:  # as 32 bits: the lowest byte is 0
        bytes_ = np.frombuffer(raw, "u1").reshape(-1, 3)
        raw, width = np.pad(bytes_, ((0, 0), (1, 0))).tobytes(), 4
    kind, silence, largest = _KINDS[width]
    x = (np.frombuffer(raw, kind).astype("float32") - silence) / largest
    x = x.reshape(-1, channels)  # (T, C)
    if rate is not None and rate != own_rate:
        at = np.arange(round(len(x) * rate / own_rate)) * (own_rate / rate)
        x = np.stack([np.interp(at, np.arange(len(x)), c) for c in x.T], 1).astype("float32")
    if length is not None:
        x = np.pad(x[:length], ((0, max(0, length - len(x))), (0, 0)))
    return x
