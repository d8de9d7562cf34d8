"""A critic's scores on real pairs against shuffled ones, and the bound that grows out of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from advmi_core.figures.chart import Axis, Bars, Chart, Element, Line, Points, Rule
from advmi_core.figures.style import DASH, Style
from advmi_core.figures.text import number
from advmi_core.studies.critics.one_image import Scores

Floats = NDArray[np.floating]
BINS = 36
HEIGHT = 270
_JOINT = Style("joint: x with its own x̃", "#2f8fcb")
_SHUFFLED = Style("shuffled: x with a foreign x̃", "#d55e00", DASH, hatch="/")
_VALUE = Style("in-sample value", "#2f8fcb")
_SHOWN = Style("shown", "#2f8fcb", mark="diamond")
_TOP = 66  # pixels above the axes, so that both stand side by side


def histograms(scores: Scores, within: tuple[float, float] | None = None) -> Chart:
    """Share of pairs by score T, joint and shuffled, with the two numbers whose difference is I.

    Args:
        scores: of one moment of the training.
        within: range of T, so that pictures of several moments compare; default: of these scores.
    """
    low, high = within or extent([scores])
    edges = np.linspace(low, high, BINS + 1)
    drawn: list[Element] = []
    for style, values in ((_JOINT, scores.joint), (_SHUFFLED, scores.marginal)):
        middle = (edges[1:] + edges[:-1]) / 2
        share = 100 * np.histogram(values, edges)[0] / max(1, values.size)
        drawn.append(Bars(
            style=replace(style, title=f"{style.title} ({values.size})"), x=middle, y=share,
            width=float(edges[1] - edges[0]), opacity=0.8,
            tips="T {x:.3g}: {y:.1f} %",
        ))  # fmt: skip
    mean, soft = float(scores.joint.mean()), log_mean_exp(scores.marginal)
    drawn += [
        Rule(x=mean, ink=_JOINT.ink, width=2, label=f"mean T = {number(mean)}"),
        Rule(x=soft, ink=_SHUFFLED.ink, dash=DASH, width=2, label=f"log mean exp T′ = {number(soft)}"),
    ]
    return Chart(
        elements=drawn, across=Axis(title="critic's score T", range=(low, high)), legend="above",
        up=Axis(title="share of pairs, %", from_zero=True), height=HEIGHT, top=_TOP,
    )  # fmt: skip


def growth(records: Sequence[Scores], shown: int | None = None) -> Chart:
    """The in-sample bound over the critic's steps beside log K, more than which no K samples can prove.

    Args:
        records: in order, at least one.
        shown: step to mark.
    """
    steps, values = [record.step for record in records], [record.value for record in records]
    limit = math.log(len(records[0].joint))
    drawn: list[Element] = [
        Line(
            style=_VALUE, x=steps, y=values, marks=1000 if len(steps) < 3 else 0, width=2.5,
            tips="{y:.3g} nats, step {x}",
        ),
        Rule(y=limit, dash=DASH, label=f"log K = {number(limit)}"),
    ]  # fmt: skip
    here = [record for record in records if record.step == shown]
    if here:
        drawn.append(Points(style=_SHOWN, x=[here[0].step], y=[here[0].value], size=11, named=False))
    return Chart(
        elements=drawn, across=Axis(title="critic steps", range=(0, records[0].total)),
        up=Axis(title="I, nats, in-sample", from_zero=True), height=HEIGHT, top=_TOP,
    )  # fmt: skip


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
