"""Files of a sweep: table, settings, and every figure for print; made when asked for."""

from __future__ import annotations

import io
from functools import partial

import numpy as np

from advmi_core.figures.sweep import table as sweep_table
from advmi_core.figures.sweep.charts import CHARTS
from advmi_core.figures.sweep.series import KEPT, Measure, Point
from advmi_core.figures.tabular import json_bytes
from advmi_core.studies.sweep import SweepResult
from advmi_core.ui.sweep.charts import VIEWS, at
from advmi_core.ui.widgets import downloads
from advmi_core.ui.widgets.downloads import File
from advmi_core.ui.widgets.state import PageState


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
    stem = f"advmi-{found.folder.name if found.folder else 'sweep'}"
    downloads.row(
        state, stem,
        {
            VIEWS[name]: partial(draw, at(points, eps) if name == "histogram" else points, measure, "")
            for name, draw in CHARTS.items()
        },
        [
            File("Table", f"{stem}.csv", partial(sweep_table.as_csv, points)),
            File("Table", f"{stem}.tex", partial(sweep_table.as_latex, points)),
            File("Settings", f"{stem}.json", partial(json_bytes, found.spec)),
            File("Images", f"{stem}.npz", partial(arrays, found)),
        ],
    )  # fmt: skip


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
