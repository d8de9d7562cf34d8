"""Folders and zips alike: names and bytes. Zips are read in place, never extracted."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from advmi_core.data.pictures import MAX_BYTES

MAX_FILES = 500_000
MAX_TOTAL = 8 << 30  # bytes unpacked; Tiny-ImageNet, the largest data set read from a zip, has 0.3 GB


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
        return sorted(found)

    def read(self, name: str) -> bytes:
        file = self.path / name
        if file.stat().st_size > MAX_BYTES:
            raise ValueError(f"{file} must be at most {MAX_BYTES >> 20} MB")
        return file.read_bytes()


class Zip:
    """An open zip. Sizes are checked on its table of contents, before anything is unpacked."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self._archive = archive
        members = archive.infolist()
        total = sum(member.file_size for member in members)
        if len(members) > MAX_FILES or total > MAX_TOTAL:
            raise ValueError(
                f"{path} must hold at most {MAX_FILES:,} files and {MAX_TOTAL >> 30} GiB unpacked, "
                f"it says {len(members):,} files and {total / (1 << 30):.1f} GiB"
            )

    def names(self) -> list[str]:
        return sorted(
            member.filename
            for member in self._archive.infolist()
            if not member.is_dir() and _visible(member.filename)
        )

    def read(self, name: str) -> bytes:
        size = self._archive.getinfo(name).file_size
        if size > MAX_BYTES:
            raise ValueError(
                f"{self.path}: {name} must be at most {MAX_BYTES >> 20} MB, it says {size:,} bytes"
            )
        try:
            # zipfile stops at the promised size and checks the CRC: a lying entry cannot grow.
            return self._archive.read(name)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
        ) as error:
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
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ValueError(f"{path} must be a folder or a zip file that can be read: {error}") from error
    with archive:
        yield Zip(path, archive)


def _visible(name: str) -> bool:
    return not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
