"""Bounds racing towards a known truth: mean and spread over seeds, each with its own ink, dash and mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from advmi_core.figures.chart import Axis, Chart, End, Line, Rule
from advmi_core.figures.style import GREY, PALETTE, Style, looks
from advmi_core.figures.text import number
from advmi_core.studies.critics.live import RaceResult, RaceStep

Floats = NDArray[np.float64]


_TITLES = {"dv": "DV", "infonce": "InfoNCE", "nwj": "NWJ", "smile": "SMILE", "mine": "MINE"}
STYLES = {
    name: replace(look, title=title)
    for (name, title), look in zip(_TITLES.items(), PALETTE, strict=False)
}  # fmt: skip
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


def race(records: Sequence[RaceStep], bounds: Sequence[str], truth: float, steps: int) -> Chart:
    """All bounds over the critic steps against the true line.

    Args:
        records: of the race, in order; none gives the empty axes with the truth.
        bounds: names in the records' order.
        truth: nats.
        steps: of a complete run.
    """
    seen, drawn_as = curves(records, bounds), styles(bounds)
    drawn = [_line(drawn_as[bound], curve) for bound, curve in seen.items()]
    ends = [End(f"truth {number(truth)}", truth, GREY)]
    for bound, curve in seen.items():
        if len(curve.steps):
            last = float(curve.mean[-1])
            ends.append(End(f"{drawn_as[bound].title} {number(last)}", last, drawn_as[bound].ink))
    return Chart(
        elements=[*drawn, Rule(y=truth, width=3)], ends=ends, hover="x", height=HEIGHT, size=(7.0, 4.2),
        across=Axis(title="critic steps of each run", range=(0, steps)),
        up=Axis(
            title="estimate on held-out pairs, nats", zero_line=True,
            range=window([curve.mean for curve in seen.values()], truth),
        ),
    )  # fmt: skip


def _line(style: Style, curve: Curve) -> Line:
    return Line(
        style=style, x=curve.steps, y=curve.mean, band=(curve.mean - curve.spread, curve.mean + curve.spread),
        size=7, marks=9, tips="{y:.3f}",
    )  # fmt: skip


def styles(bounds: Sequence[str]) -> dict[str, Style]:
    """The look of every bound."""
    return looks(bounds, STYLES)


def window(means: Sequence[Floats], truth: float) -> tuple[float, float]:
    """Range of the axis: all curves, but no more than a truth's width (at least 1 nat) beyond it."""
    reach = max(1.0, truth)
    seen = [float(v) for mean in means for v in mean if np.isfinite(v)]
    high = min(truth + reach, max([truth * 1.15 + 0.1, *seen]))
    low = max(-reach, min([-0.1, *seen]))
    pad = 0.04 * (high - low)
    return low - pad, high + pad
