"""Pictures that a visitor brings: a file, a zip, a photograph, a drawing."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from html import escape

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw, ImageOps

from advmi_core.data import DecodedImage, ImageSet, decode_image
from advmi_core.figures.encode import thumbnail
from advmi_core.ui.widgets import components, zipped
from advmi_core.ui.widgets.images import Images
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import PageState

MOST = 64
_STRIP, _MARGIN = 3, (128, 128, 128)  # longest side in parts of the shorter one
_THINGS = {"fashion-mnist": "a piece of clothing", "mnist": "a digit"}
TYPES = ["png", "jpg", "jpeg", "webp", "bmp"]


def uploaded(state: PageState, chosen: ImageSet) -> DecodedImage | ImageSet | None:
    """A file of the visitor's: one picture, or the pictures of a zip."""
    file = st.file_uploader(
        "A picture of your own",
        [*TYPES, "zip"],
        key=state.key("file"),
        help="PNG, JPEG, WebP or BMP, up to 10 MB and 25 megapixels; or a zip of them, "
        f"also in class folders, of which the first {MOST} are taken.",
    )
    components.name_dropzone()
    if file is None:
        return None
    if not file.name.lower().endswith(".zip"):
        return _decode(file.getvalue(), chosen)
    channels, height, width = chosen.x.shape[1:]
    try:
        return zipped.pictures(file.getvalue(), file.name, (channels, height, width), MOST)
    except ValueError as error:
        st.error(plain(str(error)))
        return None


def drawn(state: PageState, chosen: ImageSet) -> DecodedImage | None:
    """A drawing, white on black."""
    st.caption(f"Draw {_THINGS.get(chosen.name, 'a picture')}, white on black.")
    url = components.canvas(state.key("canvas"))
    if not url:
        return None
    try:
        raw = base64.b64decode(url.partition(",")[2], validate=True)
    except binascii.Error:
        st.error("The drawing could not be read; please draw again.")
        return None
    return _decode(raw, chosen, invert=False)


def _decode(raw: bytes, chosen: ImageSet, invert: bool | None = None) -> DecodedImage | None:
    channels, height, width = chosen.x.shape[1:]
    try:
        decoded = decode_image(raw, (channels, height, width), invert)
    except ValueError as error:
        st.error(plain(str(error)))
        return None
    if invert is None:
        _show_crop(decoded, (width, height))
    return decoded


def _framed(decoded: DecodedImage) -> Image.Image:
    """The whole picture with the used part framed."""
    preview = decoded.preview.copy()
    ImageDraw.Draw(preview).rectangle(
        decoded.preview_crop, outline=(213, 94, 0), width=max(2, preview.width // 120)
    )
    return _bounded(preview)


def show_cut(decoded: DecodedImage, images: Images) -> None:
    """Where in its picture an image lies, in one row."""
    height, width = images.x.shape[2:]
    framed = np.moveaxis(np.asarray(_framed(decoded)).astype(np.float32) / np.float32(255), -1, 0)
    st.html(
        f'<div class="preview"><img class="whole" src="{thumbnail(framed)}" alt="The whole picture with the '
        f'used part framed"><div class="where">{escape(images.names[0])} · the framed part becomes '
        f"{width}×{height} pixels · {escape(images.source)}</div></div>"
    )


def _show_crop(decoded: DecodedImage, size: tuple[int, int]) -> None:
    note = ", light and dark exchanged" if decoded.inverted else ""
    st.image(
        _framed(decoded),
        caption=f"The framed part becomes {size[0]}×{size[1]} pixels{note}.",
        width=220,
        alt="Upload with the used part framed",
    )


def _bounded(picture: Image.Image) -> Image.Image:
    """The picture with margins if it is a narrow strip, which would otherwise have no height or no end."""
    width = max(picture.width, math.ceil(picture.height / _STRIP))
    height = max(picture.height, math.ceil(picture.width / _STRIP))
    return ImageOps.pad(picture, (width, height), color=_MARGIN)


def photographed(state: PageState, chosen: ImageSet) -> DecodedImage | None:
    """What the visitor's camera sees."""
    file = st.camera_input("Take a photograph", key=state.key("camera"))
    return None if file is None else _decode(file.getvalue(), chosen)


WAYS: dict[str, Callable[[PageState, ImageSet], DecodedImage | ImageSet | None]] = {
    "upload": uploaded,
    "camera": photographed,
    "draw": drawn,
}
