"""Files of a retraining study: table, settings, and every figure for print; made when asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from advmi_core.figures.autoencoders import charts
from advmi_core.figures.autoencoders import latent as latent_charts
from advmi_core.figures.autoencoders import table as retraining_table
from advmi_core.figures.autoencoders.series import (
    PROTOCOL_TITLES,
    curves,
    models_of,
    of_model,
    protocols_of,
    title,
)
from advmi_core.figures.chart import Chart, Drawing, Grid, titled
from advmi_core.figures.tabular import json_bytes
from advmi_core.ui.autoencoders import latent
from advmi_core.ui.autoencoders.source import Shown
from advmi_core.ui.autoencoders.views import EPOCHS
from advmi_core.ui.widgets import downloads
from advmi_core.ui.widgets.downloads import File
from advmi_core.ui.widgets.state import PageState

_WIDE = 6  # inches, of one chart


def offer(state: PageState, shown: Shown) -> None:
    """A row of download buttons; figures are of the autoencoder and row that are looked at."""
    model, row = str(state.value("shown-model")), str(state.value("shown-row"))
    if model not in models_of(shown.measured):
        return
    stem, lines = f"advmi-{shown.stem}", shown.measured
    downloads.row(
        state, f"{stem}-{model}", figures(shown, model, row),
        [
            File("Table", f"{stem}.csv", partial(retraining_table.as_csv, lines)),
            File("Table", f"{stem}.tex", partial(retraining_table.as_latex, lines)),
            File("Settings", f"{stem}.json", partial(json_bytes, shown.result.spec)),
        ],
    )  # fmt: skip


def figures(shown: Shown, model: str, row: str) -> dict[str, Callable[[], Drawing]]:
    """Title → what makes the figure, of those that are there."""
    mine = [line for line in shown.measured if line.model == model]
    trained = {name: curves(shown.result.cells, model, name) for name in protocols_of(shown.lines)}
    every = [curve for drawn in trained.values() for curve in drawn]
    found: dict[str, Callable[[], Drawing]] = {
        "Losses": lambda: _both(shown, lambda name: charts.bars(shown.measured, name, shown.side)),
        "Harder to fool": lambda: _both(shown, lambda name: charts.bought(mine, name, shown.side)),
        "Curves": lambda: _both(
            shown,
            lambda name: charts.curves(trained[name], EPOCHS[name], every),
            of_model(model),
        ),
        "Start or optimisation": lambda: charts.moved(shown.lines, model),
    }
    if not any(line.kept == line.kept for line in mine):
        del found["Harder to fool"]
    if shown.uaes(model, row) is not None:
        found["Latent space"] = lambda: _codes(shown, model, row)
        found["On the manifold"] = lambda: latent_charts.manifold(latent.clouds(shown, model, row) or [])
    return found


def _codes(shown: Shown, model: str, row: str) -> Chart:
    drawn = latent.plane(shown, model, row)
    assert drawn is not None
    return titled(latent_charts.codes(drawn, row), f"filled: original, open: {title(row)}")


def _both(shown: Shown, draw: Callable[[str], Chart], of: str = "") -> Grid:
    """A chart a protocol, side by side where they are narrow."""
    charts = [
        titled(draw(name), ", ".join(filter(None, (PROTOCOL_TITLES[name], of))))
        for name in protocols_of(shown.lines)
    ]
    columns = len(charts) if charts[0].size[0] < _WIDE else 1
    return Grid(charts=charts, columns=columns, share_up=True)
