"""A critic's scores on real pairs against shuffled ones, and the bound that grows out of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from advmi_core.figures.text import number
from advmi_core.studies.critics.one_image import Scores

Floats = NDArray[np.floating]
JOINT, SHUFFLED = "#2f8fcb", "#d55e00"
BINS = 36
HEIGHT = 270
_MARGIN = {"l": 55, "r": 15, "b": 45}


def histograms(scores: Scores, within: tuple[float, float] | None = None) -> go.Figure:
    """Share of pairs by score T, joint and shuffled, with the two numbers whose difference is I.

    Args:
        scores: of one moment of the training.
        within: range of T, so that pictures of several moments compare; default: of these scores.
    """
    low, high = within or extent([scores])
    edges = np.linspace(low, high, BINS + 1)
    figure = go.Figure()
    groups = [
        ("joint: x with its own x̃", scores.joint, JOINT, ""),
        ("shuffled: x with a foreign x̃", scores.marginal, SHUFFLED, "/"),
    ]
    for name, values, ink, pattern in groups:
        counted, _ = np.histogram(values, edges)
        figure.add_bar(
            x=(edges[1:] + edges[:-1]) / 2,
            y=100 * counted / max(1, values.size),
            width=edges[1] - edges[0],
            name=f"{name} ({values.size})",
            marker={
                "color": ink,
                "line": {"color": ink, "width": 1},
                "pattern": {"shape": pattern, "fillmode": "replace", "size": 6},
            },
            opacity=0.8,
            hovertemplate="T %{x:.3g}: %{y:.1f} %<extra></extra>",
        )
    mean, soft = float(scores.joint.mean()), log_mean_exp(scores.marginal)
    middle = (low + high) / 2
    _line(figure, mean, JOINT, f"mean T = {number(mean)}", 15, middle)
    _line(figure, soft, SHUFFLED, f"log mean exp T′ = {number(soft)}", 0, middle)
    figure.update_layout(
        barmode="overlay",
        bargap=0,
        height=HEIGHT,
        margin=_MARGIN | {"t": 66},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.2, "x": 0},
        xaxis={"title": "critic's score T", "range": [low, high], "zeroline": False},
        yaxis={"title": "share of pairs, %", "rangemode": "tozero"},
    )
    return figure


def growth(records: Sequence[Scores], shown: int | None = None) -> go.Figure:
    """The in-sample bound over the critic's steps beside log K, more than which no K samples can prove.

    Args:
        records: in order, at least one.
        shown: step to mark.
    """
    steps, values = [record.step for record in records], [record.value for record in records]
    limit = math.log(len(records[0].joint))
    figure = go.Figure()
    figure.add_scatter(
        x=steps, y=values, mode="lines+markers" if len(steps) < 3 else "lines", name="in-sample value",
        line={"color": JOINT, "width": 2.5}, hovertemplate="%{y:.3g} nats<extra>step %{x}</extra>",
    )  # fmt: skip
    figure.add_hline(
        y=limit, line={"dash": "dash", "color": "#888888"},
        annotation={"text": f"log K = {number(limit)}", "yanchor": "bottom", "xanchor": "left", "x": 0},
    )  # fmt: skip
    here = [(record.step, record.value) for record in records if record.step == shown]
    if here:
        figure.add_scatter(
            x=[here[0][0]], y=[here[0][1]], mode="markers", name="shown",
            marker={"color": JOINT, "size": 11, "symbol": "diamond"}, hoverinfo="skip", cliponaxis=False,
        )  # fmt: skip
    figure.update_layout(
        showlegend=False,
        height=HEIGHT,
        margin=_MARGIN | {"t": 66},
        xaxis={"title": "critic steps", "range": [0, records[0].total]},
        yaxis={"title": "I, nats, in-sample", "rangemode": "tozero"},
    )
    return figure


def extent(records: Sequence[Scores]) -> tuple[float, float]:
    """Range of T that holds the scores of all records."""
    lows = [min(float(r.joint.min()), float(r.marginal.min())) for r in records]
    highs = [max(float(r.joint.max()), float(r.marginal.max())) for r in records]
    low, high = min(lows), max(highs)
    pad = max(0.04 * (high - low), 0.05)
    return low - pad, high + pad


def log_mean_exp(scores: Floats) -> float:
    """log of the mean of exp, without overflow."""
    top = float(scores.max())
    return top + math.log(float(np.exp(scores.astype(np.float64) - top).mean()))


def _line(figure: go.Figure, at: float, ink: str, text: str, lift: int, middle: float) -> None:
    """A labelled vertical line; the label stays inside the picture and above its neighbour's."""
    figure.add_vline(
        x=at, line={"color": ink, "width": 2, "dash": "solid" if ink == JOINT else "dash"},
        annotation={
            "text": text, "y": 1, "yanchor": "bottom", "yshift": lift,
            "xanchor": "right" if at > middle else "left",
        },
    )  # fmt: skip
