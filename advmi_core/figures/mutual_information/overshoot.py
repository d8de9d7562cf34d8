"""In-sample against held-out values of DV critics: over the steps of one K, and at the end over all K."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from advmi_core.figures.ends import TRUTH, End, faint, label_ends, tame
from advmi_core.figures.text import number
from advmi_core.studies.critics.overshoot import SampleSizeResult, SampleSizeStep

Floats = NDArray[np.float64]
HEIGHT = 380
_KINDS = (
    ("train", "in sample", "#d55e00", "solid", "circle"),
    ("held_out", "held out", "#2f8fcb", "dash", "square"),
)


def course(records: Sequence[SampleSizeStep], k: int, truth: float, steps: int) -> go.Figure:
    """Both values over the critic steps of one K against the truth and log K.

    Args:
        records: of the whole sweep; those of other K are left out.
        k: pairs that the critic sees.
        truth: nats.
        steps: of a complete run.
    """
    mine = [record for record in records if record.k == k]
    low, high = window(truth, k)
    figure = go.Figure()
    ends = [End("truth", truth, TRUTH), End("log K", math.log(k), TRUTH)]
    for name, title, ink, dash, mark in _KINDS:
        steps_seen = [record.at for record in mine]
        values = [getattr(record, name) for record in mine]
        means = [float(value.mean()) for value in values]
        if mine:
            _band(figure, steps_seen, tame(np.stack(values), (low, high)), ink)
            ends.append(End(title, means[-1], ink))
        figure.add_scatter(
            x=steps_seen, y=tame(np.array(means), (low, high)), name=title, customdata=means,
            mode="lines+markers", line={"color": ink, "dash": dash, "width": 2.4},
            marker={"symbol": mark, "size": 7, "maxdisplayed": 8}, hovertemplate="%{customdata:.3g} nats",
        )  # fmt: skip
    _straight(figure, [0, steps], [truth, truth], "solid", 3)
    _straight(figure, [0, steps], [math.log(k)] * 2, "dot", 2)
    label_ends(figure, ends, low, high)
    figure.update_layout(
        height=HEIGHT, showlegend=False, hovermode="x", margin={"l": 55, "r": 110, "t": 68, "b": 45},
        title={"text": f"K = {k} pairs, step by step", "font": {"size": 15}, "x": 0, "xref": "paper"},
        xaxis={"title": "critic steps", "range": [0, steps], "zeroline": False},
        yaxis={"title": "DV estimate, nats", "range": [low, high]},
    )  # fmt: skip
    return figure


def by_k(result: SampleSizeResult, ks: Sequence[int], chosen: int) -> go.Figure:
    """Both values at the last step over K; what leaves the axis is a labelled triangle at its edge.

    Args:
        result: of the K so far.
        ks: all K that the axis shows.
        chosen: the K to mark.
    """
    low, high = window(result.truth, max(ks))
    figure = go.Figure()
    for name, title, ink, dash, mark in _KINDS:
        values = getattr(result, name).mean(1)
        spread = getattr(result, name).std(1)
        inside = (values >= low) & (values <= high)
        figure.add_scatter(
            x=result.ks, y=np.clip(values, low, high), name=title, mode="lines+markers",
            line={"color": ink, "dash": dash, "width": 2}, customdata=values,
            marker={"symbol": mark, "size": np.where(inside, 9, 0), "color": ink},
            error_y={"array": np.where(inside, spread, 0), "color": ink, "thickness": 1.5},
            hovertemplate="K %{x}: %{customdata:.3g} nats",
        )  # fmt: skip
        _outside(figure, np.array(result.ks)[~inside], values[~inside], (low, high), ink)
    _straight(figure, list(ks), [result.truth] * len(ks), "solid", 3, "truth")
    _straight(figure, list(ks), [math.log(k) for k in ks], "dot", 2, "log K")
    figure.add_vline(x=chosen, line={"color": TRUTH, "width": 1, "dash": "dash"})
    edges = [math.log10(min(ks) / 1.3), math.log10(max(ks) * 1.3)]
    figure.update_layout(
        height=HEIGHT, hovermode="closest", margin={"l": 55, "r": 15, "t": 68, "b": 45},
        title={"text": "All K, after the last step", "font": {"size": 15}, "x": 0, "xref": "paper"},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.03, "x": 0},
        xaxis={
            "title": "pairs K that the critic sees", "type": "log", "range": edges, "tickvals": list(ks),
            "ticktext": [str(k) for k in ks],
        },
        yaxis={"title": "DV estimate, nats", "range": [low, high]},
    )  # fmt: skip
    return figure


def window(truth: float, k: int) -> tuple[float, float]:
    """Range of the axis: truth and log K in sight, as much room below 0 as the truth takes above."""
    return -max(2.0, truth), 1.35 * max(truth, math.log(k)) + 0.5


def _band(figure: go.Figure, steps: list[int], values: Floats, ink: str) -> None:
    low, high = values.min(1), values.max(1)
    figure.add_scatter(
        x=[*steps, *steps[::-1]], y=[*high, *low[::-1]], fill="toself", mode="none", fillcolor=faint(ink),
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip


def _outside(
    figure: go.Figure, ks: NDArray[np.int64], values: Floats, axis: tuple[float, float], ink: str
) -> None:
    """Triangles at the edge of the axis, with the value in words."""
    above = values > axis[1]
    figure.add_scatter(
        x=ks, y=np.clip(values, *axis), mode="markers+text", cliponaxis=False, showlegend=False,
        marker={"symbol": np.where(above, "triangle-up", "triangle-down"), "size": 12, "color": ink},
        text=[number(float(value)) for value in values], hoverinfo="skip",
        textposition=np.where(above, "bottom center", "top center"),
    )  # fmt: skip


def _straight(figure: go.Figure, x: list[int], y: list[float], dash: str, width: int, name: str = "") -> None:
    figure.add_scatter(
        x=x, y=y, mode="lines", line={"color": TRUTH, "width": width, "dash": dash}, hoverinfo="skip",
        name=name, showlegend=bool(name),
    )  # fmt: skip
