"""CIFAR-10's binary version: records of one label byte and 3072 bytes of pixels, channel by channel."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from advmi_core.data.image_set import Pixels
from advmi_core.data.readers.tarball import read_members

SHAPE = (3, 32, 32)
FOLDER = "cifar-10-batches-bin"
_RECORD = 1 + 3 * 32 * 32
_MAX_RECORDS = 10_000  # a file
_MAX_UNPACKED = 256 << 20  # bytes; the published archive has 184 MB


def file_names(split: str) -> tuple[str, ...]:
    """The files of a split, in order."""
    return tuple(f"data_batch_{n}.bin" for n in range(1, 6)) if split == "train" else ("test_batch.bin",)


def read_folder(folder: Path, split: str) -> Pixels:
    """Read the unpacked binary version.

    Raises:
        ValueError: a file is damaged.
    """
    parts = []
    for name in file_names(split):
        parts.append(_records(_content(folder / name), folder / name))
    return _join(parts)


def read_archive(path: Path, split: str) -> Pixels:
    """Read cifar-10-binary.tar.gz as published, without unpacking it to disk.

    Raises:
        ValueError: the archive is damaged or lacks a file.
    """
    wanted = {f"{FOLDER}/{name}" for name in file_names(split)}
    try:
        found = read_members(path, wanted, _MAX_RECORDS * _RECORD, _MAX_UNPACKED)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as CIFAR-10's binary archive: {error}") from error
    if missing := sorted(wanted - found.keys()):
        raise ValueError(f"{path} must hold {missing[0]}")
    return _join([_records(found[name], path / name) for name in sorted(wanted)])


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_MAX_RECORDS * _RECORD + 1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _records(content: bytes, path: Path) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    if not content or len(content) % _RECORD or len(content) > _MAX_RECORDS * _RECORD:
        raise ValueError(
            f"{path} must hold 1 to {_MAX_RECORDS:,} records of {_RECORD} bytes, "
            f"got {len(content):,} bytes{' or more' if len(content) > _MAX_RECORDS * _RECORD else ''}"
        )
    return np.frombuffer(content, np.uint8).reshape(-1, _RECORD)


def _join(parts: list[np.ndarray[tuple[int, int], np.dtype[np.uint8]]]) -> Pixels:
    records = np.concatenate(parts)
    return Pixels(records[:, 1:].reshape(-1, *SHAPE).copy(), records[:, 0].astype(np.int64))
