"""A zip of pictures that a visitor brings: for one tab, in memory."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import streamlit as st

from advmi_core.data import ImageSet
from advmi_core.data.own_files import listed, read
from advmi_core.models.base import Shape


def pictures(raw: bytes, name: str, shape: Shape, most: int) -> ImageSet:
    """The first pictures of a zip, of its classes in turn, cut to (C,H,W).

    Args:
        raw: the zip's bytes.
        name: of the file, for people.
        shape: that the model takes.
        most: pictures.

    Raises:
        ValueError: it is no zip, or holds no picture that can be read.
    """
    found: ImageSet = _pictures(hashlib.sha256(raw).hexdigest(), name, shape, most, raw)
    return found


@st.cache_resource(max_entries=8, show_spinner="Reading the pictures …")
def _pictures(digest: str, name: str, shape: Shape, most: int, _raw: bytes) -> ImageSet:
    with tempfile.TemporaryDirectory(prefix="advmi-") as folder:
        path = Path(folder) / "pictures.zip"
        path.write_bytes(_raw)
        try:
            split = list(listed(path).files)[-1]  # "test" where there are two
            pixels = read(path, split, shape, most)
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), name)) from None
    return ImageSet(*pixels.tensors(), pixels.classes, name, split, "upload", True, notes=pixels.notes)
