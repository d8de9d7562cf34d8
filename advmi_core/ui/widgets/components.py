"""Own browser parts, written in plain JavaScript that comes with the package: nothing is fetched."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st

_WEB = Path(__file__).parent / "web"


def source(*names: str) -> str:
    """The text of these files of ``web/``, one after the other."""
    return "\n".join((_WEB / name).read_text(encoding="utf-8") for name in names)


@cache
def _stage() -> Any:
    parts = ("dom.js", "stage_pictures.js", "stage_curves.js", "stage_bars.js", "stage.js")
    return st.components.v2.component("advmi_stage", css=source("stage.css"), js=source(*parts))


@cache
def _thumbs() -> Any:
    return st.components.v2.component(
        "advmi_thumbs", css=source("thumbs.css"), js=source("dom.js", "thumbs.js")
    )


@cache
def _canvas() -> Any:
    return st.components.v2.component(
        "advmi_canvas", css=source("canvas.css"), js=source("dom.js", "canvas.js")
    )


@cache
def _link() -> Any:
    return st.components.v2.component("advmi_link", js=source("link.js"))


@cache
def _dropzone() -> Any:
    return st.components.v2.component("advmi_dropzone", js=source("dropzone.js"))


def name_dropzone() -> None:
    """Let those who do not see it hear what the drop zone above is."""
    _dropzone()(key="advmi-dropzone", height=0)


def link(parameters: dict[str, str]) -> None:
    """Let the address bar hold these parameters, without an entry in the history: Back leaves the page."""
    _link()(key="advmi-link", data={"query": urlencode(parameters)}, height=0)


def stage(payload: dict[str, Any], key: str) -> None:
    """Pictures, bars, curves and scrubber of one image (see ``figures.stage.payload``)."""
    _stage()(key=key, data=json.dumps(payload))  # as text: Streamlit would look for tables in every value


def thumbs(
    items: list[dict[str, str]], chosen: int | None, *, label: str, key: str, size: int = 52, columns: int = 0
) -> str | None:
    """A row of pictures; returns the ``id`` of the one that was just clicked.

    Args:
        items: dicts with id, src (data URL), alt, caption, badge ("" for none), tone ("bad" or "note").
        chosen: index of the highlighted one.
        label: what the row is, for screen readers.
        key: widget key.
        size: pixels of a picture.
        columns: fill the width with this many a row; 0 keeps ``size``.
    """
    data = {"items": items, "chosen": chosen, "label": label, "size": size, "columns": columns}
    picked: str | None = _thumbs()(key=key, data=data, on_picked_change=lambda: None).picked
    return picked


def canvas(key: str) -> str:
    """A drawing area; returns the drawing as a PNG data URL, "" while empty."""
    drawn: str | None = _canvas()(key=key, on_drawing_change=lambda: None).drawing
    return drawn or ""
