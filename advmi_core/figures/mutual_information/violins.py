"""A sampling study as violins: where the MI of the images lies, under each sampling and over all seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure
from numpy.typing import NDArray

from advmi_core.figures.palette import SERIES
from advmi_core.figures.text import two_digits
from advmi_core.studies.sampling.results import StudyResult, Summary

_INKS = {"conv": SERIES[0].ink, "random": SERIES[3].ink, "patches": SERIES[2].ink}
_NAMES = {"conv": "first-layer maps", "random": "random projections", "patches": "3×3 patches"}
_CEILING = "log K = {:.2f}"
_AXIS = "MI of one image (nats)"
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
        finite = values[np.isfinite(values)].astype(np.float64)
        samples = f"K = {line.k} {_NAMES[line.sampling]}" if line.k else _NAMES[line.sampling]
        found.append(_Violin(f"{line.sampling}\n{samples}", _INKS[line.sampling], finite, line))
    return found


def violins(result: StudyResult) -> go.Figure:
    """One violin a sampling with box and points, and mean ± standard deviation in words.

    Where values reach as far, a bar marks log K: a bounded estimate cannot exceed it, an unbounded one can.

    Args:
        result: complete or not; a sampling without values keeps its place and says so.
    """
    figure = go.Figure()
    shown = _violins(result)
    highest = _highest(shown)
    for violin in shown:
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
            pointpos=-0.9 if len(violin.values) <= _FEW else 0,
            side="positive" if len(violin.values) <= _FEW else "both",
            width=0.75,
            marker={"size": 3, "opacity": 0.5},
            line={"color": violin.ink, "width": 1.5},
            hoveron="violins+points",
        )
        figure.add_annotation(
            x=label, y=1, yref="paper", yanchor="bottom", showarrow=False, text=spread(violin.line)
        )
        if 0 < violin.line.k <= math.exp(highest):
            _ceiling(figure, label, violin.line.k)
    figure.update_layout(
        yaxis={"title": _AXIS, "rangemode": "tozero"},
        showlegend=False,
        height=350,
        margin={"l": 60, "r": 20, "t": 40, "b": 60},
        violingap=0.1,
    )
    return figure


def _highest(shown: list[_Violin]) -> float:
    """The largest value of all, −∞ if there is none."""
    return max((float(violin.values.max()) for violin in shown if len(violin.values)), default=-math.inf)


def _ceiling(figure: go.Figure, label: str, k: int) -> None:
    level = math.log(k)
    figure.add_scatter(
        x=[label],
        y=[level],
        mode="markers",
        marker={"symbol": "line-ew", "size": 60, "line": {"width": 2, "color": "#888888"}},
        hovertemplate="log K = %{y:.3g} nats<extra></extra>",
    )
    figure.add_annotation(
        x=label, y=level, xshift=36, yanchor="bottom", showarrow=False, text=_CEILING.format(level)
    )


def spread(line: Summary) -> str:
    """Mean ± standard deviation over images and seeds, as text."""
    if not math.isfinite(line.mean):
        return "not measured yet"
    return f"{two_digits(line.mean)} ± {two_digits(line.std)} nats"


def printed(result: StudyResult) -> Figure:
    """The same for paper and slides."""
    shown = _violins(result)
    highest = _highest(shown)
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
        if 0 < violin.line.k <= math.exp(highest):
            level = math.log(violin.line.k)
            axis.hlines(level, place - 0.35, place + 0.35, color="#666666", linestyles="dashed")
            axis.annotate(_CEILING.format(level), (place + 0.35, level), fontsize=7, ha="right", va="bottom")
        text = spread(violin.line)
        axis.text(place, 1.01, text, ha="center", fontsize=9, transform=axis.get_xaxis_transform())
    axis.set_xticks(range(len(shown)), [violin.label for violin in shown], fontsize=9)
    axis.set_xlim(-0.6, len(shown) - 0.4)
    axis.set_ylabel(_AXIS)
    axis.grid(axis="y", alpha=0.25)
    return figure
