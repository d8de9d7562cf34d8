"""In-sample against held-out values of DV critics: over the steps of one K, and at the end over all K."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from advmi_core.figures.chart import Axis, Chart, Element, End, Line, Points, Rule
from advmi_core.figures.style import DASH, DOT, GREY, SOLID, Style
from advmi_core.figures.text import number
from advmi_core.studies.critics.overshoot import SampleSizeResult, SampleSizeStep

Floats = NDArray[np.float64]
HEIGHT = 380
_KINDS = {
    "train": Style("in sample", "#d55e00", SOLID, "circle"),
    "held_out": Style("held out", "#2f8fcb", DASH, "square"),
}
_TOP = 68  # pixels above the axes, so that both stand side by side


def course(records: Sequence[SampleSizeStep], k: int, truth: float, steps: int) -> Chart:
    """Both values over the critic steps of one K against the truth and log K; bands hold all seeds.

    Args:
        records: of the whole sweep; those of other K are left out.
        k: pairs that the critic sees.
        truth: nats.
        steps: of a complete run.
    """
    mine = [record for record in records if record.k == k]
    limits = {"truth": truth, "log K": math.log(k)}
    ends = [End(f"{title} {number(value)}", value, GREY) for title, value in limits.items()]
    drawn: list[Element] = []
    for name, look in _KINDS.items():
        values = [getattr(record, name) for record in mine]
        means = [float(each.mean()) for each in values]
        drawn.append(Line(
            style=look, x=[record.at for record in mine], y=means, size=7, marks=8,
            band=([each.min() for each in values], [each.max() for each in values]),
            tips="{y:.3g} nats",
        ))  # fmt: skip
        if mine:
            ends.append(End(f"{look.title} {number(means[-1])}", means[-1], look.ink))
    drawn += [Rule(y=truth, width=3), Rule(y=math.log(k), dash=DOT, width=2)]
    return Chart(
        elements=drawn, ends=ends, hover="x", title=f"K = {k} pairs, step by step", height=HEIGHT, top=_TOP,
        across=Axis(title="critic steps", range=(0, steps)),
        up=Axis(title="DV estimate, nats", range=window(truth, k)), size=(6.4, 4.2),
    )  # fmt: skip


def by_k(result: SampleSizeResult, ks: Sequence[int], chosen: int = 0) -> Chart:
    """Both values at the last step over K; what leaves the axis is a labelled triangle at its edge.

    Args:
        result: of the K so far.
        ks: all K that the axis shows.
        chosen: the K to mark; 0 for none.
    """
    low, high = window(result.truth, max(ks))
    drawn: list[Element] = []
    for name, look in _KINDS.items():
        values, spread = getattr(result, name).mean(1), getattr(result, name).std(1)
        inside = (values >= low) & (values <= high)
        ends = [np.where(inside, values + side * spread, math.nan) for side in (-1, 1)]
        drawn.append(Line(
            style=look, x=result.ks, y=np.clip(values, low, high), y_ends=(ends[0], ends[1]), size=9, width=2,
            tips=[f"K {k}: {value:.3g} nats" for k, value in zip(result.ks, values, strict=True)],
        ))  # fmt: skip
        drawn += _outside(np.array(result.ks)[~inside], values[~inside], (low, high), look.ink)
    x = list(ks)
    for title, y, dash, width in (
        ("truth", [result.truth] * len(x), SOLID, 3.0), ("log K", [math.log(k) for k in x], DOT, 2.0),
    ):  # fmt: skip
        drawn.append(Line(style=Style(title, GREY, dash), x=x, y=y, marks=0, width=width))
    if chosen:
        drawn.append(Rule(x=chosen, dash=DASH, width=1))
    return Chart(
        elements=drawn, title="All K, after the last step", legend="above", height=HEIGHT, top=_TOP,
        across=Axis(
            title="pairs K that the critic sees", log=True, range=(min(ks) / 1.3, max(ks) * 1.3),
            ticks=tuple((k, str(k)) for k in ks),
        ),
        up=Axis(title="DV estimate, nats", range=(low, high)), size=(6.4, 4.2),
    )  # fmt: skip


def window(truth: float, k: int) -> tuple[float, float]:
    """Range of the axis: truth and log K in sight, as much room below 0 as the truth takes above."""
    return -max(2.0, truth), 1.35 * max(truth, math.log(k)) + 0.5


def _outside(ks: NDArray[np.int64], values: Floats, axis: tuple[float, float], ink: str) -> list[Element]:
    """Triangles at the edges of the axis, with the values in words."""
    found: list[Element] = []
    for k, value in zip(ks.tolist(), values.tolist(), strict=True):
        above = value > axis[1]
        style = Style("", ink, mark="triangle-up" if above else "triangle-down")
        found.append(Points(
            style=style, x=[k], y=[axis[1] if above else axis[0]], size=12, labels=[number(value)],
            label_side="bottom center" if above else "top center", named=False,
        ))  # fmt: skip
    return found
