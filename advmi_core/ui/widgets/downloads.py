"""A row of download buttons; files are made when asked for, not with every redraw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st
from matplotlib.figure import Figure

from advmi_core.figures.chart import Drawing
from advmi_core.figures.matplotlib_renderer import KINDS, Kind, save
from advmi_core.ui.widgets.state import PageState

_MIMES: dict[str, str] = {
    "csv": "text/csv", "tex": "application/x-tex", "json": "application/json",
    "npz": "application/octet-stream",
    **{str(kind): mime for kind, mime in KINDS.items()},
}  # fmt: skip
Make = Callable[[], Drawing | Figure]


@dataclass(frozen=True)
class File:
    """One button: ``label`` and kind on it, the ``name`` of the file with its suffix, and what makes it."""

    label: str
    name: str
    make: Callable[[], bytes]


def row(
    state: PageState, stem: str, figures: Mapping[str, Make], files: Sequence[File] = (), name: str = "files"
) -> None:
    """Every figure as PNG, SVG and PDF, and the files.

    Args:
        state: of the page.
        stem: what the figures' file names begin with.
        figures: title → what makes the figure; of several, one is chosen.
        files: further ones.
        name: of the row, where a page has several.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", key=state.key(name)):
        title = next(iter(figures), "")
        if len(figures) > 1:
            title = st.selectbox("Figure to save", list(figures), key=state.key(f"{name}-figure"), width=190)
        for kind in KINDS if title else ():
            made = File("Figure", f"{stem}-{_slug(title)}.{kind}", partial(_picture, figures[title], kind))
            _button(state, name, made)
        for file in files:
            _button(state, name, file)


def _picture(make: Make, kind: Kind) -> bytes:
    return save(make(), kind)


def _slug(title: str) -> str:
    """The title in a file's name."""
    letters = "".join(letter if letter.isalnum() else " " for letter in title.lower())
    return "-".join(letters.split())


def _button(state: PageState, row: str, file: File) -> None:
    kind = file.name.rpartition(".")[2]
    st.download_button(
        f"{file.label} · {kind.upper()}", file.make, file.name, _MIMES[kind],
        key=state.key(f"{row}-{file.label}-{kind}"), on_click="ignore", icon=":material/download:",
    )  # fmt: skip
