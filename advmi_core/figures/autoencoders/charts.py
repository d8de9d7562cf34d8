"""Charts of a retraining study: curves over epochs, losses as bars, what it bought, and what moved a UAE."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from advmi_core.figures.autoencoders.series import (
    LOOKS,
    SCALE,
    UNIT,
    Curve,
    interval,
    log_axis,
    models_of,
    of_model,
    select,
)
from advmi_core.figures.chart import Axis, Bars, Chart, Element, Ends, Line, Points, Rule
from advmi_core.figures.style import DASH, Style
from advmi_core.figures.text import signed
from advmi_core.studies.autoencoders import ROWS, RowSummary
from advmi_core.studies.autoencoders.records import ORIGINAL

_GROUP = 0.86  # of the distance between two autoencoders
_PANEL = (4.6, 3.5)


def curves(drawn: Sequence[Curve], epochs: str, beside: Sequence[Curve] = ()) -> Chart:
    """Validation loss over the training, a line a row, its band from the lowest to the highest seed.

    Args:
        drawn: curves of one autoencoder under one protocol.
        epochs: what the epochs are counted in.
        beside: of a chart that shares the upright axis.
    """
    lines = [
        Line(
            style=LOOKS[curve.row], x=curve.epoch, y=curve.mean, band=(curve.low, curve.high), marks=10,
            tips="{y:.3f}",
        )
        for curve in drawn
    ]  # fmt: skip
    # Logarithmic: the first epochs are ten times the last ones, where the rows differ.
    ends, ticks = log_axis([*drawn, *beside])
    last = 1.02 * max((len(curve.epoch) for curve in drawn), default=1)
    return Chart(
        elements=lines, across=Axis(title=epochs, range=(0, last)), hover="x unified" if drawn else "closest",
        up=Axis(
            title=f"validation loss\n{UNIT}", log=True, range=ends,
            ticks=tuple((tick, f"{tick:g}") for tick in ticks),
        ),
        size=_PANEL,
    )  # fmt: skip


def bars(lines: Sequence[RowSummary], protocol: str, side: str = "test") -> Chart:
    """Reconstruction loss as bars from 0, a group an autoencoder, with the change against its original.

    The dashed line is the original; a bar's whiskers are the 95 % interval of its paired difference from the
    original, so that whiskers which miss the line are what may be claimed.

    Args:
        lines: of a table; the other protocol's are left out.
        protocol: name in ``PROTOCOLS``.
        side: what the loss was measured on.
    """
    shown = select(lines, protocol)
    models = models_of(shown)
    rows = [row for row in ROWS if any(line.row == row for line in shown)]
    levels = {line.model: SCALE * line.mean for line in shown if line.row == ORIGINAL}
    drawn: list[Element] = []
    for at, row in enumerate(rows):
        mine = [line for line in shown if line.row == row]
        width = _GROUP / len(rows)
        places = [models.index(line.model) + (at - (len(rows) - 1) / 2) * width for line in mine]
        drawn.append(_bars(row, mine, places, 0.9 * width, levels))
    drawn += [
        Rule(y=level, span=(models.index(model) - 0.46, models.index(model) + 0.46), dash=DASH)
        for model, level in levels.items()
    ]
    # Of both protocols: their charts stand side by side.
    tops = [SCALE * (line.mean + interval(line)[1]) for line in lines if np.isfinite(line.mean)]
    return Chart(
        elements=drawn, up=Axis(title=f"{side} loss\n{UNIT}", range=(0, 1.16 * max(tops, default=1.0))),
        across=Axis(
            ticks=tuple((at, of_model(model)) for at, model in enumerate(models)), grid=False,
            range=(-0.5, max(0.5, len(models) - 0.5)),
        ),
        size=(_PANEL[0] * max(1.0, 0.5 * len(models)), _PANEL[1]),
    )  # fmt: skip


def _bars(
    row: str, mine: Sequence[RowSummary], places: list[float], width: float, levels: dict[str, float]
) -> Bars:
    """The change in percent stands above the whiskers and above the original's line."""
    low, high = (np.array([SCALE * interval(line)[side] for line in mine]) for side in (0, 1))
    y = np.array([SCALE * line.mean for line in mine])
    return Bars(
        style=LOOKS[row], x=places, y=y, width=width,
        y_ends=None if row == ORIGINAL else (y - low, y + high),
        tips="{y:.3f}",
        labels=[] if row == ORIGINAL else [f"{signed(line.change, 1)} %" for line in mine],
        label_at=np.maximum(y + high, [levels.get(line.model, 0.0) for line in mine]),
    )  # fmt: skip


def bought(lines: Sequence[RowSummary], protocol: str, side: str = "test") -> Chart:
    """What training on new images costs and what it buys, a point a row: the loss on clean images, and what a
    new UAE of the retrained autoencoder must leave of the information. Up and left is better.

    Whiskers: one standard deviation over the seeds. Rows without a share have no point.

    Args:
        lines: of one autoencoder; the other protocol's are left out.
        protocol: name in ``PROTOCOLS``.
        side: what the loss was measured on.
    """
    shown = [line for line in select(lines, protocol) if math.isfinite(line.kept)]
    middle = float(np.mean([line.mean for line in shown])) if shown else 0.0
    drawn = [
        Points(
            style=LOOKS[line.row], x=[SCALE * line.mean], y=[100 * line.kept], size=11,
            x_ends=_around(SCALE * line.mean, SCALE * line.std),
            y_ends=_around(100 * line.kept, 100 * line.kept_std), labels=[LOOKS[line.row].title],
            label_side="top left" if line.mean > middle else "top right", named=False,
            tips="loss {x:.3f}, keeps {y:.1f} %",
        )
        for line in shown
    ]  # fmt: skip
    return Chart(
        elements=drawn, across=Axis(title=f"{side} loss, {UNIT}"), up=Axis(title="a new UAE keeps, %")
    )  # fmt: skip


def _around(middle: float, spread: float) -> Ends:
    return [middle - spread], [middle + spread]


_PARTS = (
    ("l2", Style("whole change ‖x̃ − x‖", "#7d838c")),
    ("start_l2", Style("random start ‖δ₁‖", "#2f8fcb", hatch="/")),
    ("moved_l2", Style("moved by the optimisation ‖x̃ − x − δ₁‖", "#d55e00", hatch="x")),
)


def moved(lines: Sequence[RowSummary], model: str) -> Chart:
    """Mean L2 of the UAEs of one autoencoder: all of it, its random start, and what the optimisation moved.

    Args:
        lines: of a table; a row's UAEs are the same under both protocols.
        model: name.
    """
    mine = {line.row: line for line in lines if line.model == model and np.isfinite(line.l2)}
    rows = [row for row in ROWS if row in mine]
    drawn = []
    for aside, (attribute, style) in enumerate(_PARTS, start=-1):
        values = [getattr(mine[row], attribute) for row in rows]
        drawn.append(Bars(
            style=style, x=[at + 0.27 * aside for at in range(len(rows))], y=values, width=0.25,
            labels=[f"{value:.2f}" if np.isfinite(value) else "" for value in values],
            tips="{name}: {y:.3f}", names=[LOOKS[row].title for row in rows],
        ))  # fmt: skip
    known = [float(value) for bars in drawn for value in bars.y if np.isfinite(value)]
    ticks = tuple((at, LOOKS[row].title) for at, row in enumerate(rows))
    return Chart(
        elements=drawn, across=Axis(ticks=ticks, grid=False), legend="above", size=(6.0, 3.6),
        up=Axis(title="L2, mean over the images", range=(0, 1.12 * (max(known, default=0.0) or 1.0))),
    )  # fmt: skip
