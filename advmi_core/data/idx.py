"""The IDX format of MNIST and Fashion-MNIST, plain or gzipped: unsigned bytes with a shape in front."""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from advmi_core.data.image_set import Pixels

_UNSIGNED_BYTE = 0x08
_MAX_BYTES = 1 << 30  # the largest real file, 60,000 images of 28×28, has 47 MB


def read_images(images: Path, labels: Path) -> Pixels:
    """Read a pair of IDX files into (N,1,H,W) grey images and their labels.

    Raises:
        ValueError: a file is damaged, has another number of dimensions, or the two do not belong together.
    """
    pixels = read_array(images, dimensions=3)
    marks = read_array(labels, dimensions=1)
    if len(pixels) != len(marks):
        raise ValueError(f"{images.name} holds {len(pixels)} images but {labels.name} {len(marks)} labels")
    return Pixels(pixels[:, None], marks.astype(np.int64))


def read_array(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read one IDX file of unsigned bytes with the given number of dimensions.

    Raises:
        ValueError: the file is damaged or holds something else.
    """
    try:
        with _open(path) as stream:
            shape = _shape(stream, path, dimensions)
            size = math.prod(shape)
            content = stream.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read as IDX: {error}") from error
    if len(content) != size:
        seen = f"only {len(content)}" if len(content) < size else "more"
        raise ValueError(f"{path} is damaged: its header promises {size} bytes of data, it holds {seen}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def write_array(path: Path, array: NDArray[np.uint8]) -> None:
    """Write a gzipped IDX file whose bytes depend on ``array`` alone (no time, no file name inside)."""
    header = struct.pack(f">HBB{array.ndim}I", 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=9, fileobj=raw, mtime=0) as stream:
        stream.write(header + array.tobytes())


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else io.BufferedReader(path.open("rb", 0))


def _shape(stream: IO[bytes], path: Path, dimensions: int) -> tuple[int, ...]:
    head = stream.read(4 + 4 * dimensions)
    if len(head) < 4 + 4 * dimensions or head[:4] != bytes([0, 0, _UNSIGNED_BYTE, dimensions]):
        raise ValueError(
            f"{path} must be an IDX file of unsigned bytes with {dimensions} dimension(s), "
            f"got a file that starts with {head[:4].hex(' ') or 'nothing'}"
        )
    shape = struct.unpack(f">{dimensions}I", head[4:])
    if not all(shape) or math.prod(shape) > _MAX_BYTES:
        raise ValueError(f"{path} must hold between 1 byte and 1 GiB of data, its header says {shape}")
    return shape
