"""Numeric arrays of MATLAB 5 files, read in Python: whatever a file holds, it is an array or a ValueError.

MathWorks, "MAT-File Format", 2023, chapter 1. A file is a header of 128 bytes and elements; an element is a
tag (type and size) and data, a variable is an element of elements: flags, shape, name, values.
"""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from advmi_core.data.readers.inflate import ZLIB, Inflated, Readable

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_MAX_ELEMENTS = 1000  # variables of a file
_MAX_DIMENSIONS = 32
_MAX_NAME = 255
# type of an element's data → NumPy's letter and size
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMERIC = {
    6: "float64", 7: "float32", 8: "int8", 9: "uint8", 10: "int16",
    11: "uint16", 12: "int32", 13: "uint32", 14: "int64", 15: "uint64",
}  # fmt: skip
_OTHER = {1: "cell", 2: "struct", 3: "object", 4: "text", 5: "sparse"}


@dataclass(frozen=True)
class Variable:
    """What the head of a variable says.

    Attributes:
        shape: as MATLAB has it.
        kind: NumPy's name of the numbers' type, or what it is if it is no array of numbers.
        place: offset in the file.
    """

    shape: tuple[int, ...]
    kind: str
    place: int

    def __str__(self) -> str:
        return f"{'×'.join(map(str, self.shape))} {self.kind}"


class MatFile:
    """An open MATLAB 5 file. Every method raises ValueError, EOFError or zlib.error where it is damaged."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._size = os.fstat(stream.fileno()).st_size
        header = stream.read(_HEADER)
        if header.startswith(b"MATLAB 7.3"):
            raise ValueError("it is a MATLAB 7.3 file; save it with the option -v7")
        orders = {b"IM": "<", b"MI": ">"}
        if len(header) < _HEADER or header[126:] not in orders:
            raise ValueError("it is no MATLAB 5 file")
        self._order = orders[header[126:]]

    def variables(self) -> dict[str, Variable]:
        """All variables by name; no values are unpacked."""
        found: dict[str, Variable] = {}
        place = _HEADER
        for _ in range(_MAX_ELEMENTS):
            if place + 8 > self._size:
                return found
            matrix, after = self._element(place)
            if matrix is not None:
                name, variable = self._head(matrix, place)
                found[name] = variable
            place = after
        raise ValueError(f"it holds more than {_MAX_ELEMENTS:,} variables")

    def read(self, variable: Variable) -> NDArray[np.generic]:
        """The values of a numeric variable; the caller has seen to it that its shape is not too large."""
        matrix, _ = self._element(variable.place)
        if matrix is None or variable.kind not in _NUMERIC.values():
            raise ValueError(f"a variable must be numbers, got {variable.kind}")
        self._head(matrix, variable.place)
        stored, size, short = self._tag(matrix)
        count = math.prod(variable.shape)
        if not _may_hold(stored, variable.kind) or size != count * int(_STORED[stored][1]):
            raise ValueError(f"a variable of shape {variable.shape} has {size} bytes of type {stored}")
        values = short[:size] if short else _exactly(matrix, size)
        if not short:
            matrix.read(-size % 8 + 1)  # to the end, where a compressed element has its checksum
        array = np.frombuffer(values, np.dtype(self._order + _STORED[stored]))
        return array.reshape(variable.shape, order="F").astype(variable.kind, copy=False)

    def _element(self, place: int) -> tuple[Readable | None, int]:
        """What is inside the element at ``place`` if it is a variable, and the place of the next one."""
        self._stream.seek(place)
        kind, size = struct.unpack(self._order + "II", _exactly(self._stream, 8))
        end = place + 8 + size
        if end > self._size:
            raise EOFError("it ends too early")
        inside: Readable = _Part(self._stream, size)
        if kind == _COMPRESSED:
            inside = Inflated(inside, ZLIB)
            kind, _ = struct.unpack(self._order + "II", _exactly(inside, 8))
        return inside if kind == _MATRIX else None, end

    def _head(self, matrix: Readable, place: int) -> tuple[str, Variable]:
        flags, *_ = struct.unpack(self._order + "II", self._small(matrix, 8, 8))
        dimensions = self._small(matrix, 8, 4 * _MAX_DIMENSIONS)
        shape = struct.unpack(f"{self._order}{len(dimensions) // 4}i", dimensions[: len(dimensions) // 4 * 4])
        name = self._small(matrix, 0, _MAX_NAME).decode("latin-1")
        if min(shape) < 0:
            raise ValueError(f"a variable has the shape {shape}")
        number = flags & 0xFF
        kind = _NUMERIC.get(number, _OTHER.get(number, f"class {number}"))
        return name, Variable(shape, f"complex {kind}" if flags & 0x800 else kind, place)

    def _small(self, stream: Readable, least: int, most: int) -> bytes:
        _, size, short = self._tag(stream)
        if not least <= size <= most:
            raise ValueError(f"a variable's head has an entry of {size} bytes")
        if short:
            return short[:size]
        return _exactly(stream, size + -size % 8)[:size]

    def _tag(self, stream: Readable) -> tuple[int, int, bytes]:
        """Type, size, and the data itself where it is so short that it lies in the tag."""
        tag = _exactly(stream, 8)
        kind, size = struct.unpack(self._order + "II", tag)
        if kind >> 16:
            if kind >> 16 > 4:
                raise ValueError("a short entry has more than four bytes")
            return kind & 0xFFFF, kind >> 16, tag[4:]
        return kind, size, b""


class _Part:
    """The next ``size`` bytes of a file."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._left = stream, size

    def read(self, size: int, /) -> bytes:
        content = self._stream.read(min(size, self._left))
        self._left -= len(content)
        return content


def _may_hold(stored: int, kind: str) -> bool:
    """MATLAB writes whole numbers in the smallest type that holds them, never in a larger one."""
    if stored not in _STORED:
        return False
    written, wanted = np.dtype(_STORED[stored]), np.dtype(kind)
    return written.itemsize <= wanted.itemsize and (written.kind != "f" or wanted.kind == "f")


def _exactly(stream: Readable, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError("it ends too early")
    return content
