"""A retraining study on the screen: curves over epochs, losses as bars, and what moved a UAE."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from advmi_core.figures.autoencoders.series import (
    HATCHES,
    LOOKS,
    SCALE,
    UNIT,
    Curve,
    interval,
    log_axis,
    models_of,
    of_model,
    select,
    signed,
)
from advmi_core.figures.ends import faint
from advmi_core.studies.autoencoders import ROWS, RowSummary
from advmi_core.studies.autoencoders.records import ORIGINAL

HEIGHT = 270
_BASE = "#888888"
_GROUP = 0.86  # of the distance between two autoencoders
_MANY = 3  # autoencoders side by side that need small letters


def curves(drawn: Sequence[Curve], epochs: str, height: int = HEIGHT) -> go.Figure:
    """Validation loss over the training, a line a row, its band from the lowest to the highest seed.

    Args:
        drawn: curves of one autoencoder under one protocol.
        epochs: what the epochs are counted in.
        height: pixels.
    """
    figure = _figure(height, epochs, f"validation loss<br>{UNIT}")
    for curve in drawn:
        look, name = LOOKS[curve.row], LOOKS[curve.row].title
        band = np.isfinite(curve.mean)
        if np.any(curve.high[band] > curve.low[band]):
            x = curve.epoch[band]
            figure.add_scatter(
                x=[*x, *x[::-1]], y=[*curve.high[band], *curve.low[band][::-1]], fill="toself", mode="none",
                fillcolor=faint(look.ink), hoverinfo="skip", name=f"{name}: all seeds",
            )  # fmt: skip
        figure.add_scatter(
            x=curve.epoch, y=curve.mean, name=name, mode="lines+markers",
            line={"color": look.ink, "dash": look.dash, "width": 2.2},
            marker={"symbol": look.mark, "size": 8, "color": look.ink, "maxdisplayed": 10},
            hovertemplate="%{y:.3f}",
        )  # fmt: skip
    figure.update_layout(hovermode="x unified" if drawn else "closest")
    figure.update_xaxes(range=[0, 1.02 * max((len(curve.epoch) for curve in drawn), default=1)])
    # Logarithmic: the first epochs are ten times the last ones, where the rows differ.
    ends, ticks = log_axis(drawn)
    figure.update_yaxes(
        type="log", range=[math.log10(end) for end in ends], tickvals=ticks,
        ticktext=[f"{tick:g}" for tick in ticks],
    )  # fmt: skip
    return figure


def bars(lines: Sequence[RowSummary], protocol: str, height: int = HEIGHT, side: str = "test") -> go.Figure:
    """Reconstruction loss as bars from 0, a group an autoencoder, with the change against its original.

    The dashed line is the original; a bar's whiskers are the 95 % interval of its paired difference from the
    original, so that whiskers which miss the line are what may be claimed.

    Args:
        lines: of a table; the other protocol's are left out.
        protocol: name in ``PROTOCOLS``.
        height: pixels.
        side: what the loss was measured on.
    """
    shown = select(lines, protocol)
    models = models_of(shown)
    rows = [row for row in ROWS if any(line.row == row for line in shown)]
    levels = {line.model: SCALE * line.mean for line in shown if line.row == ORIGINAL}
    figure = _figure(height, "", f"{side} loss<br>{UNIT}")
    for at, row in enumerate(rows):
        mine = [line for line in shown if line.row == row]
        width = _GROUP / len(rows)
        places = [models.index(line.model) + (at - (len(rows) - 1) / 2) * width for line in mine]
        figure.add_bar(x=places, width=0.9 * width, **_bar(row, mine))
        if row != ORIGINAL:
            _changes(figure, places, mine, levels, 12 if len(models) < _MANY else 10)
    for model, level in levels.items():
        at = models.index(model)
        figure.add_shape(
            type="line", x0=at - 0.46, x1=at + 0.46, y0=level, y1=level,
            line={"dash": "dash", "width": 1.5, "color": _BASE},
        )  # fmt: skip
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(
        tickvals=list(range(len(models))), ticktext=[of_model(model) for model in models],
        range=[-0.5, max(0.5, len(models) - 0.5)], showgrid=False,
    )  # fmt: skip
    # Of both protocols: their charts stand side by side.
    tops = [SCALE * (line.mean + interval(line)[1]) for line in lines if np.isfinite(line.mean)]
    figure.update_yaxes(range=[0, 1.16 * max(tops, default=1.0)])
    return figure


def _bar(row: str, mine: Sequence[RowSummary]) -> dict[str, Any]:
    look = LOOKS[row]
    ends = [interval(line) for line in mine]
    return {
        "y": [SCALE * line.mean for line in mine],
        "name": look.title,
        "marker": {
            "color": look.ink,
            "line": {"color": look.ink, "width": 1},
            "pattern": {"shape": HATCHES[row], "fillmode": "replace", "size": 7},
        },
        "error_y": {
            "type": "data", "array": [SCALE * high for _, high in ends],
            "arrayminus": [SCALE * low for low, _ in ends], "thickness": 1.6, "width": 5, "color": _BASE,
            "visible": row != ORIGINAL,
        },
        "hovertemplate": f"{look.title}: %{{y:.3f}}<extra></extra>",
    }  # fmt: skip


def _changes(
    figure: go.Figure,
    places: Sequence[float],
    mine: Sequence[RowSummary],
    levels: Mapping[str, float],
    size: int,
) -> None:
    """The change against the original in percent, above the whiskers and above the original's line."""
    tops = [max(SCALE * (line.mean + interval(line)[1]), levels.get(line.model, 0.0)) for line in mine]
    figure.add_scatter(
        x=places, y=tops, mode="text",
        text=[f"{signed(line.change, 1)} %" for line in mine], textposition="top center",
        textfont={"size": size}, hoverinfo="skip", cliponaxis=False,
        name=f"{LOOKS[mine[0].row].title}: change",
    )  # fmt: skip


def bought(lines: Sequence[RowSummary], protocol: str, height: int = HEIGHT, side: str = "test") -> go.Figure:
    """What training on new images costs and what it buys, a point a row: the loss on clean images, and what a
    new UAE of the retrained autoencoder must leave of the information. Up and left is better.

    Whiskers: one standard deviation over the seeds. Rows without a share have no point.

    Args:
        lines: of one autoencoder; the other protocol's are left out.
        protocol: name in ``PROTOCOLS``.
        height: pixels.
        side: what the loss was measured on.
    """
    figure = _figure(height, f"{side} loss, {UNIT}", "a new UAE keeps, %")
    for line in select(lines, protocol):
        if not math.isfinite(line.kept):
            continue
        look = LOOKS[line.row]
        spread = [0.0 if math.isnan(std) else std for std in (line.std, line.kept_std)]
        figure.add_scatter(
            x=[SCALE * line.mean], y=[100 * line.kept], name=look.title, mode="markers+text",
            text=[look.title], textposition="top center", cliponaxis=False,
            error_x={"type": "data", "array": [SCALE * spread[0]], "thickness": 1.3},
            error_y={"type": "data", "array": [100 * spread[1]], "thickness": 1.3},
            marker={"symbol": look.mark, "size": 11, "color": look.ink},
            hovertemplate="loss %{x:.3f}, keeps %{y:.1f} %",
        )  # fmt: skip
    return figure


def moved(lines: Sequence[RowSummary], model: str, height: int = HEIGHT) -> go.Figure:
    """Mean L2 of the UAEs of one autoencoder: all of it, its random start, and what the optimisation moved.

    Args:
        lines: of a table; a row's UAEs are the same under both protocols.
        model: name.
        height: pixels.
    """
    mine = {line.row: line for line in lines if line.model == model and np.isfinite(line.l2)}
    rows = [row for row in ROWS if row in mine]
    figure = _figure(height, "", "L2, mean over the images")
    for name, attribute, ink, pattern in (
        ("whole change ‖x̃ − x‖", "l2", "#7d838c", ""),
        ("random start ‖δ₁‖", "start_l2", "#2f8fcb", "/"),
        ("moved by the optimisation ‖x̃ − x − δ₁‖", "moved_l2", "#d55e00", "x"),
    ):
        values = [getattr(mine[row], attribute) for row in rows]
        figure.add_bar(
            x=[LOOKS[row].title for row in rows], y=values, name=name,
            text=[f"{value:.2f}" if np.isfinite(value) else "" for value in values], textposition="outside",
            cliponaxis=False, hovertemplate="%{x}: %{y:.3f}",
            marker={
                "color": ink, "line": {"color": ink, "width": 1},
                "pattern": {"shape": pattern, "fillmode": "replace", "size": 7},
            },
        )  # fmt: skip
    figure.update_layout(
        barmode="group", showlegend=True, margin={"t": 40},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.04, "x": 0},
    )  # fmt: skip
    return figure


def _figure(height: int, across: str, up: str) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        height=height,
        showlegend=False,
        hovermode="closest",
        margin={"l": 66, "r": 14, "t": 12, "b": 46 if across else 30},
        xaxis={"title": across, "zeroline": False},
        yaxis={"title": up, "zeroline": False},
    )
    return figure
