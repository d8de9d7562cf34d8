"""Bounds racing towards a known truth: mean and spread over seeds, each with its own ink, dash and mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from advmi_core.figures.ends import TRUTH, End, faint, label_ends, tame
from advmi_core.studies.critics.live import RaceResult, RaceStep

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Style:
    """How a bound is named and drawn: the dash and the mark tell the same as the ink."""

    title: str
    ink: str
    dash: str
    mark: str


STYLES = {
    "dv": Style("DV", "#d55e00", "solid", "circle"),
    "infonce": Style("InfoNCE", "#2f8fcb", "dash", "square"),
    "nwj": Style("NWJ", "#009e73", "dot", "diamond"),
    "smile": Style("SMILE", "#b3689a", "dashdot", "triangle-up"),
    "mine": Style("MINE", "#b58100", "longdash", "x"),
}
HEIGHT = 370


@dataclass(frozen=True)
class Curve:
    """One bound over its critic steps: (S,) steps, mean and standard deviation over the seeds, nats."""

    steps: NDArray[np.int64]
    mean: Floats
    spread: Floats


def curves(records: Sequence[RaceStep], bounds: Sequence[str]) -> dict[str, Curve]:
    """The held-out values of each bound so far; ``bounds`` in the records' order."""
    return {bound: _curve(records, index) for index, bound in enumerate(bounds)}


def ended(records: Sequence[RaceStep], result: RaceResult) -> list[RaceStep]:
    """The records of a race that is over: every curve ends at the bound's result, as the table says."""
    if not records:
        return []
    return [*records, replace(records[-1], held_out=result.values)]


def _curve(records: Sequence[RaceStep], index: int) -> Curve:
    points = {int(r.at[index]): r.held_out[index] for r in records if r.at[index] > 0}
    if not points:
        return Curve(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    steps = sorted(points)
    values = np.stack([points[step] for step in steps])
    return Curve(np.array(steps, np.int64), values.mean(1), values.std(1))


def race(records: Sequence[RaceStep], bounds: Sequence[str], truth: float, steps: int) -> go.Figure:
    """All bounds over the critic steps against the true line.

    Args:
        records: of the race, in order; none gives the empty axes with the truth.
        bounds: names in the records' order.
        truth: nats.
        steps: of a complete run.
    """
    figure = go.Figure()
    seen = curves(records, bounds)
    low, high = window([values.mean for values in seen.values()], truth)
    for bound, values in seen.items():
        _draw(figure, STYLES[bound], values, (low, high))
    figure.add_scatter(
        x=[0, steps], y=[truth, truth], mode="lines", name="truth", hoverinfo="skip",
        line={"color": TRUTH, "width": 3},
    )  # fmt: skip
    ends = [End(STYLES[b].title, float(c.mean[-1]), STYLES[b].ink) for b, c in seen.items() if len(c.steps)]
    label_ends(figure, [End("truth", truth, TRUTH), *ends], low, high)
    figure.update_layout(
        height=HEIGHT,
        showlegend=False,
        hovermode="x",
        margin={"l": 60, "r": 120, "t": 15, "b": 50},
        xaxis={"title": "critic steps of each run", "range": [0, steps], "zeroline": False},
        yaxis={"title": "estimate on held-out pairs, nats", "range": [low, high], "zeroline": True},
    )
    return figure


def window(means: Sequence[Floats], truth: float) -> tuple[float, float]:
    """Range of the axis: all curves, but no more than a truth's width (at least 1 nat) beyond it."""
    reach = max(1.0, truth)
    seen = [float(v) for mean in means for v in mean if np.isfinite(v)]
    high = min(truth + reach, max([truth * 1.15 + 0.1, *seen]))
    low = max(-reach, min([-0.1, *seen]))
    pad = 0.04 * (high - low)
    return low - pad, high + pad


def _draw(figure: go.Figure, style: Style, values: Curve, axis: tuple[float, float]) -> None:
    if len(values.steps) and np.any(values.spread > 0):
        edge = np.concatenate([values.mean + values.spread, (values.mean - values.spread)[::-1]])
        figure.add_scatter(
            x=np.concatenate([values.steps, values.steps[::-1]]), y=tame(edge, axis), fill="toself",
            mode="none", fillcolor=faint(style.ink), name=f"{style.title} ± std", hoverinfo="skip",
        )  # fmt: skip
    figure.add_scatter(
        x=values.steps, y=tame(values.mean, axis), mode="lines+markers", name=style.title,
        line={"color": style.ink, "dash": style.dash, "width": 2.2}, customdata=values.mean,
        marker={"symbol": style.mark, "size": 7, "color": style.ink, "maxdisplayed": 9},
        hovertemplate="%{customdata:.3f}",
    )  # fmt: skip
