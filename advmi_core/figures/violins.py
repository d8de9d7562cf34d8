"""A sampling study as violins: where the MI of the images lies, under each sampling and over all seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure
from numpy.typing import NDArray

from advmi_core.figures.palette import NEGATIVE, SERIES
from advmi_core.figures.words import number
from advmi_core.studies.results import StudyResult, Summary

_INKS = {"conv": SERIES[0].ink, "random": SERIES[3].ink, "patches": NEGATIVE}
_NAMES = {"conv": "first-layer maps", "random": "random projections", "patches": "3×3 patches"}
_AXIS = "mutual information of one image (nats)"
_FEW = 400  # points a violin that are all drawn; above, only those far out
_LEAST = 2  # values that make a violin


@dataclass(frozen=True)
class _Violin:
    """One sampling's violin: label with K, ink, and the finite values (M,) of all seeds in nats."""

    label: str
    ink: str
    values: NDArray[np.float64]
    line: Summary


def _violins(result: StudyResult) -> list[_Violin]:
    found = []
    for line in result.table():
        values = result.values[line.sampling]
        samples = f"{_NAMES[line.sampling]}, K = {line.k}" if line.k else _NAMES[line.sampling]
        finite = values[np.isfinite(values)].astype(np.float64)
        found.append(_Violin(f"{line.sampling}\n{samples}", _INKS[line.sampling], finite, line))
    return found


def violins(result: StudyResult) -> go.Figure:
    """One violin a sampling with box and points, mean ± standard deviation in words, and log K as a bar.

    Args:
        result: complete or not; a sampling without values keeps its place and says so.
    """
    figure = go.Figure()
    for violin in _violins(result):
        label = violin.label.replace("\n", "<br>")
        enough = len(violin.values) >= _LEAST
        figure.add_violin(
            x=[label] * max(1, len(violin.values)),
            y=violin.values if enough else [None],
            name=violin.line.sampling,
            box_visible=True,
            meanline_visible=True,
            points="all" if len(violin.values) <= _FEW else "outliers",
            jitter=0.4,
            pointpos=-1.1 if len(violin.values) <= _FEW else 0,
            side="positive" if len(violin.values) <= _FEW else "both",
            width=0.8,
            marker={"size": 3, "opacity": 0.5},
            line={"color": violin.ink, "width": 1.5},
            hoveron="violins+points",
        )
        figure.add_annotation(
            x=label, y=1, yref="paper", yanchor="bottom", showarrow=False, text=spread(violin.line)
        )
        if violin.line.k:
            _ceiling(figure, label, violin.line.k)
    figure.update_layout(
        yaxis_title=_AXIS,
        showlegend=False,
        height=400,
        margin={"l": 60, "r": 20, "t": 40, "b": 60},
        violingap=0.1,
    )
    return figure


def _ceiling(figure: go.Figure, label: str, k: int) -> None:
    """log K, which a bounded estimate cannot exceed and an unbounded one can."""
    figure.add_scatter(
        x=[label],
        y=[math.log(k)],
        mode="markers+text",
        marker={"symbol": "line-ew", "size": 60, "line": {"width": 2, "color": "#888888"}},
        text=f"log K = {math.log(k):.2f}",
        textposition="top right",
        textfont={"size": 11},
        hovertemplate="log K = %{y:.3g} nats<extra></extra>",
    )


def spread(line: Summary) -> str:
    """Mean ± standard deviation over images and seeds, as text."""
    if not math.isfinite(line.mean):
        return "not measured yet"
    return f"{number(line.mean)} ± {number(line.std)} nats"


def printed(result: StudyResult) -> Figure:
    """The same for paper and slides."""
    shown = _violins(result)
    figure = Figure(figsize=(2.4 * len(shown) + 1.2, 4.0), layout="constrained", facecolor="white")
    axis = figure.subplots()
    for place, violin in enumerate(shown):
        if len(violin.values) >= _LEAST:
            drawn = axis.violinplot([violin.values], [place], widths=0.8, showextrema=False)
            for body in drawn["bodies"]:  # type: ignore[attr-defined]  # matplotlib's stub: one collection
                body.set(facecolor=violin.ink, edgecolor=violin.ink, alpha=0.45)
            axis.boxplot(
                [violin.values],
                positions=[place],
                widths=0.12,
                flierprops={"markersize": 2},
                medianprops={"color": "black"},
            )
        if violin.line.k:
            level = math.log(violin.line.k)
            axis.hlines(level, place - 0.35, place + 0.35, color="#666666", linestyles="dashed")
            axis.annotate(f"log K = {level:.2f}", (place + 0.35, level), fontsize=7, ha="right", va="bottom")
        text = spread(violin.line)
        axis.text(place, 1.01, text, ha="center", fontsize=9, transform=axis.get_xaxis_transform())
    axis.set_xticks(range(len(shown)), [violin.label for violin in shown], fontsize=9)
    axis.set_xlim(-0.6, len(shown) - 0.4)
    axis.set_ylabel(_AXIS)
    axis.grid(axis="y", alpha=0.25)
    return figure
