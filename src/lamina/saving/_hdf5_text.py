"""How many bytes of text an attribute holds, told from the bytes of the file itself.

HDF5 gives strings of varying length only whole, and several may be one and the same place in the
file: a list of a thousand names could ask for a thousand times the file's size. The lengths stand
in the object's header, which is read here (version 1, that of all but files for "latest" readers).
"""

import re
from collections.abc import Iterator
from typing import Any

_ATTRIBUTE, _CONTINUATION = 0x0C, 0x10
_MAX_BLOCKS = 10_000
_MAX_HEADER = 16 << 20
_HEAP = re.compile(rb"GCOL\x01")
_BLOCK = 1 << 20


def text_size(file: Any, address: int, name: str, count: int) -> int | None:
    """Return the bytes of the strings in an attribute; None if the header is of another form.

    Args:
        file: open for reading, in binary.
        address: of the object's header.
        name: of the attribute.
        count: of its strings.
    """
    sizes = []
    for data in _attributes(file, address):
        version, key = data[0], name.encode()
        name_size, type_size, space_size = (
            int.from_bytes(data[i : i + 2], "little") for i in (2, 4, 6)
        )
        start = 9 if version == 3 else 8
        if data[start : start + name_size].rstrip(b"\0") != key:
            continue
        parts = [name_size, type_size, space_size]
        start += sum((n + 7) // 8 * 8 if version == 1 else n for n in parts)
        strings = data[start : start + 16 * count]  # length, address and index of each
        if data[1] & 3 * (version > 1) or len(strings) < 16 * count:
            return None  # a type stored elsewhere
        sizes.append(sum(int.from_bytes(strings[i : i + 4], "little")
                         for i in range(0, len(strings), 16)))  # fmt: skip
    return max(sizes, default=None)


def _attributes(file: Any, address: int) -> Iterator[bytes]:
    """Yield the messages of a header that describe attributes."""
    head = _read(file, address, 16)
    if len(head) < 16 or head[0] != 1:
        return
    blocks = [(address + 16, int.from_bytes(head[8:12], "little"))]
    for start, size in blocks:  # grows
        data = _read(file, start, min(size, _MAX_HEADER))
        at = 0
        while at + 8 <= len(data) and len(blocks) < _MAX_BLOCKS:
            kind = int.from_bytes(data[at : at + 2], "little")
            length = int.from_bytes(data[at + 2 : at + 4], "little")
            body = data[at + 8 : at + 8 + length]
            if kind == _CONTINUATION and len(body) >= 16:
                place, size = (int.from_bytes(body[i : i + 8], "little") for i in (0, 8))
                blocks.append((place, size))
            elif kind == _ATTRIBUTE and len(body) >= 8:
                yield body
            at += 8 + length


def heaps_are_sound(file: Any, size: int) -> bool:
    """Return whether the heaps, where HDF5 keeps strings of varying length, can be walked.

    HDF5 (2.0.0) goes from part to part by the sizes that stand there; at one of 0 it stays forever.

    Args:
        file: open for reading, in binary.
        size: its bytes.
    """
    at = 0
    while block := _read(file, at, _BLOCK + 4):  # one byte less than the mark is read twice
        for found in _HEAP.finditer(block):
            start = at + found.start()
            length = int.from_bytes(_read(file, start + 8, 8), "little")
            if 4096 <= length <= size - start and not _can_be_walked(_read(file, start, length)):
                return False
        at += _BLOCK
    return True


def _can_be_walked(heap: bytes) -> bool:
    at = 16
    while at + 16 <= len(heap):
        used = int.from_bytes(heap[at : at + 2], "little")  # 0: what is left is free
        length = int.from_bytes(heap[at + 8 : at + 16], "little")
        step = 16 + (length + 7) // 8 * 8 if used else length
        if step < 16 or at + step > len(heap):
            return False
        at += step
    return True


def _read(file: Any, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)
