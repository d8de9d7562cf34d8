"""Folders and zips alike: names and bytes. Zips are read in place, never extracted."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from advmi_core.data.uploads.pictures import MAX_BYTES

MAX_FILES = 200_000  # Tiny-ImageNet, the largest data set read from a zip, has 120,000
MAX_TOTAL = 8 << 30  # bytes unpacked; Tiny-ImageNet has 0.3 GB
ALWAYS_UNPACKED = 256 << 20  # bytes, however small the zip is
MAX_GROWTH = 20  # times the zip's size: pictures are compressed already, a zip makes them hardly smaller
_MAX_DIRECTORY = 32 << 20  # bytes; Tiny-ImageNet's has 16 MB
_TAIL = 65_536 + 22 + 20 + 56  # bytes: the longest comment and the records around it


class Tree(Protocol):
    """Files below one root."""

    @property
    def path(self) -> Path:
        """Where the tree lies."""
        ...

    def names(self) -> list[str]:
        """Paths of all files below the root, with forward slashes, sorted; hidden ones left out."""
        ...

    def read(self, name: str) -> bytes:
        """The bytes of one file; a ValueError names a file that is too large or damaged."""
        ...


class Folder:
    """A folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        found = []
        for file in self.path.rglob("*"):
            name = file.relative_to(self.path).as_posix()
            if _visible(name) and file.is_file():
                found.append(name)
                if len(found) > MAX_FILES:
                    raise ValueError(f"{self.path} must hold at most {MAX_FILES:,} files, it holds more")
        return sorted(found)

    def read(self, name: str) -> bytes:
        file = self.path / name
        try:
            with file.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
        except OSError as error:
            raise ValueError(f"{file} cannot be read: {error.strerror or error}") from error
        if len(content) > MAX_BYTES:
            raise ValueError(f"{file} must be at most {MAX_BYTES >> 20} MB")
        return content


class Zip:
    """An open zip. Sizes are checked on its table of contents, before anything is unpacked."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self._archive = archive
        members = archive.infolist()
        total, packed = sum(member.file_size for member in members), path.stat().st_size
        if len(members) > MAX_FILES or total > MAX_TOTAL:
            raise ValueError(
                f"{path} must hold at most {MAX_FILES:,} files and {MAX_TOTAL >> 30} GiB unpacked, "
                f"it says {len(members):,} files and {total / (1 << 30):.1f} GiB"
            )
        if total > max(ALWAYS_UNPACKED, MAX_GROWTH * packed):
            raise ValueError(
                f"{path} must unpack to at most {ALWAYS_UNPACKED >> 20} MiB or {MAX_GROWTH} times its size, "
                f"it says {total / packed:.0f} times its {packed:,} bytes"
            )

    def names(self) -> list[str]:
        return sorted(
            member.filename
            for member in self._archive.infolist()
            if not member.is_dir() and _visible(member.filename)
        )

    def read(self, name: str) -> bytes:
        try:
            size = self._archive.getinfo(name).file_size
        except KeyError as error:
            raise ValueError(f"{self.path} must hold {name}") from error
        if size > MAX_BYTES:
            raise ValueError(
                f"{self.path}: {name} must be at most {MAX_BYTES >> 20} MB, it says {size:,} bytes"
            )
        try:
            # zipfile stops at the promised size and checks the CRC: a lying entry cannot grow.
            return self._archive.read(name)
        except Exception as error:  # LZMAError, NotImplementedError, RuntimeError for encrypted ones, …
            raise ValueError(f"{self.path}: {name} cannot be unpacked: {error}") from error


@contextmanager
def open_tree(path: Path) -> Iterator[Tree]:
    """Open a folder or a zip for reading.

    Raises:
        ValueError: the path is neither, or the zip is damaged or absurdly large.
    """
    if path.is_dir():
        yield Folder(path)
        return
    try:
        _check_directory(path)
        archive = zipfile.ZipFile(path)
    except Exception as error:  # zipfile raises anything from struct.error to NotImplementedError
        raise ValueError(f"{path} must be a folder or a zip file that can be read: {error}") from error
    with archive:
        yield Zip(path, archive)


def _check_directory(path: Path) -> None:
    """Refuse a table of contents that would itself take long to read; its size is in the zip's last bytes."""
    if not path.is_file():
        raise ValueError("it is neither")
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(-min(size, _TAIL), os.SEEK_END)
        tail = stream.read()
        end = tail.rfind(b"PK\5\6")
        large = tail.rfind(b"PK\6\6")  # there where a number of the usual record is too small
        length = 0
        if 0 <= end <= len(tail) - 22:
            length = int.from_bytes(tail[end + 12 : end + 16], "little")
        if 0 <= large <= len(tail) - 56:
            length = max(length % 0xFFFFFFFF, int.from_bytes(tail[large + 40 : large + 48], "little"))
        if length > _MAX_DIRECTORY:
            raise ValueError(f"its table of contents must have at most {_MAX_DIRECTORY >> 20} MiB")
        stream.seek(-min(size, length + _TAIL), os.SEEK_END)
        if (files := stream.read().count(b"PK\1\2")) > MAX_FILES:
            raise ValueError(f"it must hold at most {MAX_FILES:,} files, its table of contents has {files:,}")


def _visible(name: str) -> bool:
    return not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
