"""Untrusted picture files → pixels: limits, orientation, transparency, bit depth, crop and size.

Everything that enters AdvMI as a PNG, JPEG, WebP or BMP passes through here, be it an upload or one of the
60,000 files of a data set.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from advmi_core.data.uploads.cost import check_cost

Shape = tuple[int, int, int]
Box = tuple[int, int, int, int]

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 25_000_000
_STRIP = 1 << 18  # pixels
_BRIGHT = 160  # of 255
_GAP = 3.0  # a picture more than twice so large is averaged in whole pixels first, to the eye the same


def open_picture(raw: bytes) -> Image.Image:
    """Decode a picture upright, in whatever mode it is stored.

    Size, format and structure are checked before a pixel is decoded, so that no file takes more than two
    seconds. Of an animation the first frame is taken.

    Raises:
        ValueError: one sentence: empty, over 10 MB, over 25 megapixels, of a structure that makes decoding
            slow (``picture_cost``), another format, or damaged.
    """
    header = _checked(raw)
    try:
        header.load()
        return ImageOps.exif_transpose(header)
    except Exception as error:  # decoders raise anything from SyntaxError to struct.error on damaged files
        raise ValueError(f"the {header.format} picture is damaged and cannot be decoded: {error}") from error


def size_of(raw: bytes) -> tuple[int, int]:
    """(width, height) of a picture as stored; nothing is decoded.

    Raises:
        ValueError: as ``open_picture``, as far as the header tells.
    """
    return _checked(raw).size


def check_shape(shape: Shape) -> None:
    """``shape`` must be (C,H,W), C 1 or 3, H and W at least 1."""
    whole = isinstance(shape, tuple) and len(shape) == 3 and all(isinstance(side, int) for side in shape)
    if not whole or shape[0] not in (1, 3) or min(shape) < 1:
        raise ValueError(f"shape must be (C,H,W) with C 1 or 3, and H, W at least 1, got {shape!r}")


def flatten(image: Image.Image, channels: int) -> Image.Image:
    """Any mode → "L" (1 channel) or "RGB" (3 channels), 8 bits each, transparency filled in.

    A picture that is so already is handed back itself: at 25 megapixels a copy is 100 MB.
    """
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    elif image.has_transparency_data:
        image = _opaque(image.convert("RGBA"))
    mode = "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)


def centred_box(size: tuple[int, int], shape: Shape) -> Box:
    """The largest centred (left, top, right, bottom) of (width, height) with the shape's proportions."""
    width, height = size
    _, rows, columns = shape
    scale = min(width / columns, height / rows)
    across = min(width, max(1, round(columns * scale)))
    down = min(height, max(1, round(rows * scale)))
    left, top = (width - across) // 2, (height - down) // 2
    return left, top, left + across, top + down


def fit(image: Image.Image, shape: Shape) -> tuple[NDArray[np.uint8], Box]:
    """Crop to the centre and resize (antialiased) to ``shape``; returns (C,H,W) pixels and the crop used."""
    channels, rows, columns = shape
    box = centred_box(image.size, shape)
    flat = flatten(image, channels)
    cropped = flat if box == (0, 0, *image.size) else flat.crop(box)
    size = columns, rows
    return pixels(cropped.resize(size, Image.Resampling.BICUBIC, reducing_gap=_GAP)), box


def shrunk(image: Image.Image, side: int) -> Image.Image:
    """The whole picture with at most ``side`` pixels on its long side, at least one on the other; a copy."""
    scale = min(1.0, side / max(image.size))
    width, height = (max(1, round(length * scale)) for length in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)


def pixels(image: Image.Image) -> NDArray[np.uint8]:
    """(C,H,W) uint8 of an "L" or "RGB" picture."""
    array = np.asarray(image, np.uint8)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


def _checked(raw: bytes) -> Image.Image:
    """A picture within the limits, not yet decoded."""
    if not raw:
        raise ValueError("the picture is empty")
    if len(raw) > MAX_BYTES:
        raise ValueError(
            f"the picture must be at most {MAX_BYTES >> 20} MB, got {len(raw) / (1 << 20):.1f} MB"
        )
    check_cost(raw)
    header = _header(raw)
    width, height = header.size
    if width * height > MAX_PIXELS:
        raise ValueError(
            f"the picture must have at most {MAX_PIXELS // 10**6} megapixels, "
            f"got {width}×{height} ({width * height / 1e6:.1f})"
        )
    return header


def _header(raw: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(raw), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"the picture must have at most {MAX_PIXELS // 10**6} megapixels") from error
    except UnidentifiedImageError as error:
        raise ValueError("the picture must be a readable PNG, JPEG, WebP or BMP file") from error
    except Exception as error:  # a header parser that trips over damaged bytes
        raise ValueError(f"the picture is damaged: {error}") from error


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey: 65535 is white, and 65535 = 255·257. (Pillow itself would clip at 255.)"""
    values = np.clip(np.asarray(image), 0, 65535).astype(
        np.uint32
    )  # 4 bytes a pixel; a copy, changed in place
    values += 128
    values //= 257
    return Image.fromarray(values.astype(np.uint8))


def _opaque(image: Image.Image) -> Image.Image:
    """Lay a picture over white, or over black if what it shows is bright, so that it never vanishes."""
    ground = Image.new("RGB", image.size, "black" if _is_bright(image) else "white")
    for top, strip in _strips(image):
        ground.paste(strip, (0, top), mask=strip.getchannel("A"))
    return ground


def _is_bright(image: Image.Image) -> bool:
    """Whether what is opaque of an "RGBA" picture is bright on average."""
    weight = light = 0.0
    for _, strip in _strips(image):
        alpha = strip.getchannel("A")
        weight += float(np.asarray(alpha).sum())
        light += float(np.asarray(ImageChops.multiply(strip.convert("L"), alpha)).sum())
    return weight > 0 and 255 * light / weight > _BRIGHT


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """A picture's rows, some at a time with their place: what is made of them stays in the CPU's cache."""
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))
