"""A sampling study as violins: where the MI of the images lies, under each sampling and over all seeds."""

from __future__ import annotations

import math

import numpy as np

from advmi_core.figures.chart import Axis, Chart, Element, Rule, Violin
from advmi_core.figures.style import DASH, Style, looks
from advmi_core.figures.text import spread as spread_of
from advmi_core.studies.sampling.results import StudyResult, Summary

_STYLES = {
    "conv": Style("conv", "#d55e00"), "random": Style("random", "#009e73"),
    "patches": Style("patches", "#2f8fcb"),
}  # fmt: skip
_NAMES = {"conv": "first-layer maps", "random": "random projections", "patches": "3×3 patches"}


def violins(result: StudyResult) -> Chart:
    """One violin a sampling with box and points, and mean ± standard deviation in words.

    Where values reach as far, a bar marks log K: a bounded estimate cannot exceed it, an unbounded one can.

    Args:
        result: complete or not; a sampling without values keeps its place and says so.
    """
    lines = result.table()
    finite = [values[np.isfinite(values)].astype(np.float64) for values in
              (result.values[line.sampling] for line in lines)]  # fmt: skip
    highest = max((float(values.max()) for values in finite if len(values)), default=-math.inf)
    styles = looks((line.sampling for line in lines), _STYLES)
    drawn: list[Element] = []
    for at, (line, values) in enumerate(zip(lines, finite, strict=True)):
        drawn.append(Violin(style=styles[line.sampling], x=at, values=values, said=spread(line)))
        if 0 < line.k <= math.exp(highest):
            level = math.log(line.k)
            drawn.append(Rule(y=level, span=(at - 0.35, at + 0.35), dash=DASH, label=f"log K = {level:.2f}"))
    ticks = tuple((at, _label(line)) for at, line in enumerate(lines))
    return Chart(
        elements=drawn, across=Axis(ticks=ticks, range=(-0.6, len(lines) - 0.4), grid=False),
        up=Axis(title="MI of one image (nats)", from_zero=True), height=350, top=40,
        size=(2.4 * len(lines) + 1.2, 4.0),
    )  # fmt: skip


def _label(line: Summary) -> str:
    name = _NAMES.get(line.sampling, line.sampling)
    return f"{line.sampling}\n{f'K = {line.k} ' if line.k else ''}{name}"


def spread(line: Summary) -> str:
    """Mean ± standard deviation over images and seeds, as text."""
    if not math.isfinite(line.mean):
        return "not measured yet"
    return f"{spread_of(line.mean, line.std)} nats"
