"""Pictures and numbers in the form a browser takes them."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
GAINS = (1, 2, 4, 10, 20)
"""What a shown perturbation may be multiplied by."""


def pixels(images: Floats) -> NDArray[np.uint8]:
    """(…,C,H,W) in [0,1] → (…,H,W,C) bytes."""
    last = np.moveaxis(np.asarray(images), -3, -1)
    return np.round(255 * np.clip(last, 0, 1)).astype(np.uint8)


def base64_of(array: NDArray[np.uint8] | NDArray[np.int8]) -> str:
    """Raw bytes of ``array`` as text."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def png(image: Floats, scale: int = 1) -> bytes:
    """(C,H,W) in [0,1] as a PNG file, each pixel ``scale`` pixels wide."""
    array = pixels(image)
    picture = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    if scale > 1:
        picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def data_url(image: Floats) -> str:
    """(C,H,W) in [0,1] as a ``data:`` URL."""
    return "data:image/png;base64," + base64.b64encode(png(image)).decode("ascii")


def plain(values: Floats) -> list[float | None]:
    """Numbers for JSON: five significant digits, None where not finite."""
    return [float(f"{value:.5g}") if math.isfinite(value) else None for value in values.tolist()]


def default_gain(largest_change: float) -> int:
    """The strongest of the offered gains that does not saturate a change of ``largest_change``."""
    fitting = [gain for gain in GAINS if gain * largest_change <= 1]
    return fitting[-1] if fitting else GAINS[0]
