"""Uploads: one picture of any kind → one image in the model's shape, with the crop that was used."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from advmi_core.data.uploads.pictures import (
    Box,
    Shape,
    check_shape,
    fit,
    flatten,
    open_picture,
    shrunk,
)

_PREVIEW = 768  # pixels on the long side: a session keeps previews, not 25 megapixels
_MOST_KEPT = 32  # a class of thirty; at most 2.4 MB each
_ONE_AT_A_TIME = threading.Lock()
_KEPT: OrderedDict[tuple[bytes, Shape, bool | None], DecodedImage | str] = OrderedDict()


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """An upload as the model sees it, and what was done to it.

    Attributes:
        x: (1,C,H,W) float32 in [0,1].
        preview: the whole picture upright in RGB, at most 768 pixels on its long side.
        size: (width, height) of the whole picture, upright.
        crop: (left, top, right, bottom) in pixels of ``size``: the part that became ``x``.
        inverted: light and dark were exchanged.
    """

    x: Tensor
    preview: Image.Image
    size: tuple[int, int]
    crop: Box
    inverted: bool

    @property
    def preview_crop(self) -> Box:
        """``crop`` in pixels of ``preview``, at least one pixel each way."""
        across, down = self.preview.width / self.size[0], self.preview.height / self.size[1]
        left, top, right, bottom = self.crop
        x, y = (
            min(round(left * across), self.preview.width - 1),
            min(round(top * down), self.preview.height - 1),
        )
        return x, y, max(round(right * across), x + 1), max(round(bottom * down), y + 1)


def decode_image(raw: bytes, shape: Shape, invert: bool | None = None) -> DecodedImage:
    """Decode an upload into a model's input.

    PNG, JPEG, WebP and BMP in any mode (1, L, LA, P, RGB, RGBA, CMYK, 16 bits, rotated by EXIF), up to
    10 MB and 25 megapixels. The largest centred part in the shape's proportions is kept and resized with
    antialiasing. Transparent parts become white, or black where the picture itself is bright.

    The last uploads are remembered by their content: a page that asks again at every click gets its own copy
    at once. One picture is decoded at a time, however many sessions upload: memory is that of one.

    Args:
        raw: the file's bytes.
        shape: (C,H,W) of the model's input, C 1 or 3.
        invert: exchange light and dark; None does so for grey models (trained on a dark background) when
            the picture's border is bright.

    Raises:
        ValueError: one sentence that says what is wrong with the file.
    """
    check_shape(shape)
    key = hashlib.sha256(raw).digest(), shape, invert
    with _ONE_AT_A_TIME:
        if key not in _KEPT:
            _KEPT[key] = _decoded(raw, shape, invert)
        _KEPT.move_to_end(key)
        while len(_KEPT) > _MOST_KEPT:
            _KEPT.popitem(last=False)
        kept = _KEPT[key]
    if isinstance(kept, str):
        raise ValueError(kept)
    return replace(kept, x=kept.x.clone(), preview=kept.preview.copy())


def _decoded(raw: bytes, shape: Shape, invert: bool | None) -> DecodedImage | str:
    """The upload, or the sentence with which it is refused: to refuse can take as long as to decode."""
    try:
        return _decode(raw, shape, invert)
    except ValueError as error:
        return str(error)


def _decode(raw: bytes, shape: Shape, invert: bool | None) -> DecodedImage:
    image = flatten(open_picture(raw), 3)
    values, crop = fit(image, shape)
    inverted = _bright_border(values) if invert is None else invert
    if inverted:
        values = 255 - values
    x = torch.from_numpy(values.astype(np.float32)).div_(255)[None]
    return DecodedImage(x, shrunk(image, _PREVIEW), image.size, crop, inverted)


def _bright_border(values: NDArray[np.uint8]) -> bool:
    if len(values) != 1:
        return False
    grey = values[0]
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    return float(np.median(border)) > 127.5
