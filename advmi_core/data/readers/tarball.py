"""Read a few known files out of a gzipped tar: no more than a stated number of bytes is ever unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from pathlib import Path

from advmi_core.data.readers.inflate import GZIP, Inflated

_BLOCK = 512
_MAX_MEMBERS = 1000
_PIECE = 1 << 20


def read_members(path: Path, wanted: Collection[str], most: int, unpacked: int) -> dict[str, bytes]:
    """The contents of the files called ``wanted``, as far as they are there.

    Args:
        path: the .tar.gz.
        wanted: the files' names; nothing behind the last of them is unpacked.
        most: bytes of one file that are kept; one byte more shows that a file is larger.
        unpacked: bytes of the whole archive that are unpacked at most.

    Raises:
        ValueError: damaged, or larger; the message says why, the caller names the file.
    """
    found: dict[str, bytes] = {}
    try:
        with path.open("rb") as file:
            tar = _Limited(Inflated(file, GZIP), unpacked)
            for _ in range(_MAX_MEMBERS):
                header = tar.read(_BLOCK)
                if not header.strip(b"\0"):
                    return found
                name, size, regular = _entry(header)
                kept = min(size, most + 1) if regular and name in wanted and name not in found else 0
                if kept:
                    found[name] = tar.read(kept)
                if len(found) == len(wanted):
                    return found
                tar.skip(size - kept + -size % _BLOCK)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(str(error)) from error
    raise ValueError(f"it holds more than {_MAX_MEMBERS:,} files")


class _Limited:
    """The first bytes of a stream; to want more is an error."""

    def __init__(self, stream: Inflated, most: int) -> None:
        self._stream, self._left, self._most = stream, most, most

    def read(self, size: int) -> bytes:
        if size > self._left:
            raise ValueError(f"it must have at most {self._most >> 20} MiB unpacked")
        self._left -= size
        content = self._stream.read(size)
        if len(content) < size:
            raise EOFError("it ends too early")
        return content

    def skip(self, size: int) -> None:
        if size > self._left:
            self.read(size)
        for start in range(0, size, _PIECE):
            self.read(min(_PIECE, size - start))


def _entry(header: bytes) -> tuple[str, int, bool]:
    """Name, size and whether it is a regular file, of a header whose checksum is right."""
    try:
        size, checksum = (int(field.strip(b" \0") or b"0", 8) for field in (header[124:136], header[148:156]))
    except ValueError:
        size = checksum = -1
    if size < 0 or checksum != sum(header) - sum(header[148:156]) + 8 * ord(" "):
        raise ValueError("it is no tar archive, or damaged")
    name = header[:100].partition(b"\0")[0].decode("utf-8", "replace")
    return name.removeprefix("./"), size, header[156:157] in (b"0", b"\0")
