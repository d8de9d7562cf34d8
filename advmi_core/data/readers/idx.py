"""The IDX format of MNIST and Fashion-MNIST, plain or gzipped: unsigned bytes with a shape in front."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advmi_core.data.image_set import MAX_VALUES, Pixels
from advmi_core.data.readers.inflate import GZIP, Inflated, Readable

_UNSIGNED_BYTE = 0x08


def read_images(images: Path, labels: Path) -> Pixels:
    """Read a pair of IDX files into (N,1,H,W) grey images and their labels.

    Both headers are compared before either file's data is unpacked.

    Raises:
        ValueError: a file is damaged, has another number of dimensions, or the two do not belong together.
    """
    with _open(images) as pictures, _open(labels) as marks:
        shape, (count,) = _shape(pictures, images, 3), _shape(marks, labels, 1)
        if shape[0] != count:
            raise ValueError(f"{images} holds {shape[0]} images but {labels.name} {count} labels")
        grey, label = _content(pictures, images, shape), _content(marks, labels, (count,))
    return Pixels(grey[:, None], label.astype(np.int64))


def read_array(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read one IDX file of unsigned bytes with the given number of dimensions.

    Raises:
        ValueError: the file is damaged or holds something else.
    """
    with _open(path) as stream:
        return _content(stream, path, _shape(stream, path, dimensions))


def write_array(path: Path, array: NDArray[np.uint8]) -> None:
    """Write a gzipped IDX file whose bytes depend on ``array`` alone (no time, no file name inside)."""
    header = struct.pack(f">HBB{array.ndim}I", 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=9, fileobj=raw, mtime=0) as stream:
        stream.write(header + array.tobytes())


@contextmanager
def _open(path: Path) -> Iterator[Readable]:
    """The unpacked bytes; the first two tell gzip, because browsers unpack files and keep their names."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            yield Inflated(file, GZIP) if packed else file
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read as IDX: {error}") from error


def _shape(stream: Readable, path: Path, dimensions: int) -> tuple[int, ...]:
    head = _read(stream, path, 4 + 4 * dimensions)
    if len(head) < 4 + 4 * dimensions or head[:4] != bytes([0, 0, _UNSIGNED_BYTE, dimensions]):
        raise ValueError(
            f"{path} must be an IDX file of unsigned bytes with {dimensions} dimension(s), "
            f"got a file that starts with {head[:4].hex(' ') or 'nothing'}"
        )
    shape = struct.unpack(f">{dimensions}I", head[4:])
    if not all(shape) or math.prod(shape) > MAX_VALUES:
        raise ValueError(
            f"{path} must hold between 1 byte and {MAX_VALUES >> 20} MiB, its header says {shape}"
        )
    return shape


def _content(stream: Readable, path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    size = math.prod(shape)
    content = _read(stream, path, size + 1)
    if len(content) != size:
        seen = f"only {len(content)}" if len(content) < size else "more"
        raise ValueError(f"{path} is damaged: its header promises {size} bytes of data, it holds {seen}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _read(stream: Readable, path: Path, size: int) -> bytes:
    """As ``stream.read``; here, not in ``_open``, because of two open files it knows which one is damaged."""
    try:
        return stream.read(size)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read as IDX: {error}") from error
