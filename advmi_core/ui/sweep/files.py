"""Files of a sweep: table, settings, and every figure for print; made when asked for."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Literal

import numpy as np
import streamlit as st

from advmi_core.figures.attack import export
from advmi_core.figures.attack.print import save
from advmi_core.figures.sweep import print as sweep_print
from advmi_core.figures.sweep import table as sweep_table
from advmi_core.figures.sweep.series import KEPT, Measure, Point
from advmi_core.studies.sweep import SweepResult
from advmi_core.ui.sweep.charts import VIEWS, at
from advmi_core.ui.widgets.state import PageState

Kind = Literal["png", "svg", "pdf"]
_MIMES: dict[Kind, str] = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}


def offer(
    state: PageState, found: SweepResult, points: list[Point], eps: float, measure: Measure = KEPT
) -> None:
    """A row of download buttons.

    Args:
        state: of the page.
        found: the sweep as its folder holds it.
        points: all its cells.
        eps: whose images the histogram shows.
        measure: what the figures show.
    """
    stem = found.folder.name if found.folder else "sweep"
    with st.container(horizontal=True, vertical_alignment="bottom", key=state.key("files")):
        name = st.selectbox(
            "Figure to save", list(sweep_print.FIGURES), key=state.key("figure"),
            format_func=VIEWS.__getitem__, width=170,
        )  # fmt: skip
        shown = at(points, eps) if name == "histogram" else points
        for kind, mime in _MIMES.items():
            _button(state, "Figure", f"{stem}-{name}.{kind}", _picture(name, shown, measure, kind), mime)
        _button(state, "Table", f"{stem}.csv", lambda: sweep_table.as_csv(points), "text/csv")
        _button(state, "Table", f"{stem}.tex", lambda: sweep_table.as_latex(points), "application/x-tex")
        _button(state, "Settings", f"{stem}.json", lambda: export.spec_json(found.spec), "application/json")
        _button(state, "Images", f"{stem}.npz", lambda: arrays(found), "application/octet-stream")


def arrays(found: SweepResult) -> bytes:
    """What was measured of every image, as ``CELL/COLUMN`` arrays (readable without unpickling)."""
    buffer = io.BytesIO()
    columns = {
        f"{cell.id}/{name}": values
        for cell, table in found.tables.items()
        for name, values in table.arrays().items()
    }
    np.savez_compressed(buffer, **columns)  # type: ignore[arg-type]  # numpy's stub takes the names for a flag
    return buffer.getvalue()


def _picture(name: str, points: list[Point], measure: Measure, kind: Kind) -> Callable[[], bytes]:
    return lambda: save(sweep_print.FIGURES[name](points, measure), kind)


def _button(state: PageState, label: str, name: str, make: Callable[[], bytes], mime: str) -> None:
    kind = name.rpartition(".")[2]
    st.download_button(
        f"{label} · {kind.upper()}", make, f"advmi-{name}", mime, key=state.key(f"file-{label}-{kind}"),
        on_click="ignore", icon=":material/download:",
    )  # fmt: skip
