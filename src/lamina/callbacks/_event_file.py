"""Event files, which TensorBoard shows: records with checksums, each a protocol buffer.

Written out here, since the schema is a handful of fields and the library around it is TensorFlow.

Reference:
    tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto and tensor.proto;
    tensorflow/core/lib/io/record_writer.h; RFC 3720, appendix B.4 (CRC-32C).
"""

import io
import os
import socket
import struct
import time
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

_numbers = count()
_SCALAR, _TENSOR, _BLOBS = 1, 2, 3  # how TensorBoard keeps what a plugin shows
_FLOAT, _DOUBLE, _STRING = 1, 2, 7  # dtypes of a TensorProto
BUCKETS = 30  # of a histogram
IMAGES = 3  # at most so many of one array


class EventFile:
    """One event file in a folder; values are added to it as they come.

    Args:
        folder: is made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        name = f"{int(now):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}.v2"
        path = folder / f"events.out.tfevents.{name}"
        self._file: BinaryIO = path.open("ab")
        self._add(_double(1, now) + _text(3, "brain.Event:2"))
        self.flush()

    def scalars(self, values: dict[str, Any], step: int) -> None:
        """Add one number per tag."""
        data = b""
        for tag, value in values.items():
            tensor = _tensor(_FLOAT, (), struct.pack("<f", float(value)))
            data += _value(tag, tensor, "scalars", _SCALAR)
        self._summary(data, step)

    def histogram(self, tag: str, values: np.ndarray, step: int) -> None:
        """Add the distribution of an array's finite values."""
        values = np.asarray(values, "float64").ravel()
        values = values[np.isfinite(values)]
        if values.size and values.min() == values.max():
            table = np.array([[values[0] - 0.5, values[0] + 0.5, values.size]])
        else:
            counts, edges = np.histogram(values, BUCKETS if values.size else 1)
            table = np.stack([edges[:-1], edges[1:], counts], 1)  # (buckets, 3)
        tensor = _tensor(_DOUBLE, table.shape, table.astype("<f8").tobytes())
        self._summary(_value(tag, tensor, "histograms", _TENSOR), step)

    def images(self, tag: str, images: np.ndarray, step: int) -> None:
        """Add the first few of several pictures (N, H, W, C), uint8, with C of 1, 3 or 4."""
        height, width = images.shape[1:3]
        parts = [str(width).encode(), str(height).encode()]
        for image in images[:IMAGES]:
            picture = io.BytesIO()
            Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(picture, "png")
            parts.append(picture.getvalue())
        self._summary(_value(tag, _strings(parts, (len(parts),)), "images", _BLOBS), step)

    def keras_graph(self, tag: str, json: str, step: int) -> None:
        """Add a model's architecture, which TensorBoard draws as its conceptual graph."""
        tensor = _strings([json.encode()], ())
        self._summary(_value(tag, tensor, "graph_keras_model", 0, b"1"), step)

    def flush(self) -> None:
        """Let readers see what was added."""
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        self._file.close()

    @property
    def closed(self) -> bool:
        return self._file.closed

    def _summary(self, values: bytes, step: int) -> None:
        self._add(_double(1, time.time()) + _varint_field(2, step) + _bytes(5, values))

    def _add(self, event: bytes) -> None:
        length = struct.pack("<Q", len(event))
        self._file.write(length + _masked_crc(length) + event + _masked_crc(event))


# --- protocol buffers: a field is its number and kind, then its value ----------------------------


def _value(tag: str, tensor: bytes, plugin: str, data_class: int, content: bytes = b"") -> bytes:
    plugin_data = _text(1, plugin) + (_bytes(2, content) if content else b"")
    metadata = _bytes(1, plugin_data) + (_varint_field(4, data_class) if data_class else b"")
    return _bytes(1, _text(1, tag) + _bytes(8, tensor) + _bytes(9, metadata))


def _tensor(dtype: int, shape: tuple[int, ...], content: bytes) -> bytes:
    return _varint_field(1, dtype) + _bytes(2, _shape(shape)) + _bytes(4, content)


def _strings(parts: list[bytes], shape: tuple[int, ...]) -> bytes:
    values = b"".join(_bytes(8, part) for part in parts)
    return _varint_field(1, _STRING) + _bytes(2, _shape(shape)) + values


def _shape(shape: tuple[int, ...]) -> bytes:
    return b"".join(_bytes(2, _varint_field(1, size)) for size in shape)


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _varint_field(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


# --- checksums -----------------------------------------------------------------------------------


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """Return the Castagnoli checksum of some bytes.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    crc, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _masked_crc(data: bytes) -> bytes:
    """The checksum turned and shifted, as records hold it: checksums of checksums are weak."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
