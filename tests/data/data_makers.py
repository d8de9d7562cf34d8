"""Tiny data sets in every layout, written byte by byte so that readers are checked against the formats."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def random_pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx_pair(
    folder: Path, stem: str, images: np.ndarray, labels: np.ndarray, zipped: bool = True
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in ((f"{stem}-images-idx3-ubyte", images), (f"{stem}-labels-idx1-ubyte", labels)):
        content = idx_bytes(array)
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(array: np.ndarray) -> bytes:
    """(H,W) or (H,W,3) uint8 → PNG bytes."""
    return encode(Image.fromarray(array))


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def class_files(classes: tuple[str, ...], count: int, size: int, split: str = "train") -> dict[str, bytes]:
    """``split/CLASS/i.png``: every pixel of image i of class c is (c, i, 7)."""
    return {
        f"{split}/{name}/{i}.png": png(np.full((size, size, 3), (c, i, 7), np.uint8))
        for c, name in enumerate(classes)
        for i in range(count)
    }
