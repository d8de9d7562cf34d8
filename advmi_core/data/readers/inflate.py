"""Deflated streams read piece by piece: no more is unpacked than was asked for."""

from __future__ import annotations

import zlib
from typing import Protocol

GZIP, ZLIB = 31, 15  # zlib's window bits
_PIECE = 1 << 16  # bytes of the file at a time
_MAX_MEMBERS = 10_000  # gzip streams one after the other; a 200 MB file of bgzip has 3,000


class Readable(Protocol):
    """Anything with a bounded ``read``."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; fewer only at the end."""
        ...


class Inflated:
    """The unpacked bytes of a zlib stream, or of the gzip streams of a file one after the other."""

    def __init__(self, stream: Readable, kind: int) -> None:
        self._stream, self._kind = stream, kind
        self._engine = zlib.decompressobj(kind)
        self._packed = b""
        self._members = 1

    def read(self, size: int, /) -> bytes:
        """At most ``size`` unpacked bytes; fewer only at the end, where the checksum is verified.

        Raises:
            EOFError: the file ends in the middle.
            zlib.error: the file is damaged.
        """
        unpacked = bytearray()
        while len(unpacked) < size and (piece := self._piece(size - len(unpacked))):
            unpacked += piece
        return bytes(unpacked)

    def _piece(self, most: int) -> bytes:
        while not self._engine.eof or self._next_member():
            self._packed = self._packed or self._stream.read(_PIECE)
            ended = not self._packed
            piece = self._engine.decompress(self._packed, min(most, 1 << 20))
            self._packed = self._engine.unconsumed_tail
            if piece:
                return piece
            if ended and not self._engine.eof:
                raise EOFError("it ends too early")
        return b""

    def _next_member(self) -> bool:
        if self._kind != GZIP:
            return False
        rest = self._engine.unused_data.lstrip(b"\0")  # gzip allows zeros as padding
        while not rest and (read := self._stream.read(_PIECE)):
            rest = read.lstrip(b"\0")
        if not rest:
            return False
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise zlib.error(f"it holds more than {_MAX_MEMBERS:,} gzip streams")
        self._engine, self._packed = zlib.decompressobj(self._kind), rest
        return True
