"""Series of a sweep's figures: one point a cell, and one look a method."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from advmi_core.attacks import variants
from advmi_core.attacks.core.ball import UNBOUNDED
from advmi_core.evaluation import ImageTable, Interval, Summary, paired
from advmi_core.figures.style import PALETTE, Style, looks


@dataclass(frozen=True)
class Measure:
    """What may stand on the axis of a figure.

    Attributes:
        name: of the column in ``ImageTable``.
        title: in a chooser.
        axis: with the unit.
        unit: behind a number.
        scale: times the column's values.
        near: points closer than this lie in one place.
    """

    name: str
    title: str
    axis: str
    unit: str
    scale: float = 1.0
    near: float = 0.0


KEPT = Measure("kept", "Information kept", "information kept, %", "%", 100.0, 1.0)
MI = Measure("mi", "MI by InfoNCE", "MI(x; x̃) by InfoNCE, nats", "nats", near=0.05)
L2 = Measure("l2", "L2", "L2 of the perturbation", "")
SSIM = Measure("ssim", "SSIM", "SSIM of x and x̃", "")
MEASURES = {measure.name: measure for measure in (KEPT, MI)}


@dataclass(frozen=True, kw_only=True)
class Point:
    """One method at one ε.

    Attributes:
        id: the cell's name, handed back when the point is clicked.
        method: its label in the sweep.
        eps: budget; ``UNBOUNDED`` or more for an attack that seeks the shortest perturbation instead.
        summary, table: of the images measured so far.
        seconds: of work an image; NaN if unknown.
    """

    id: str
    method: str
    eps: float
    summary: Summary
    table: ImageTable
    seconds: float

    @property
    def bounded(self) -> bool:
        """Whether ε bounds the perturbation."""
        return self.eps < UNBOUNDED

    @property
    def budget(self) -> str:
        """ε for people; "–" where there is none."""
        return f"{self.eps:g}" if self.bounded else "–"

    @property
    def place(self) -> str:
        """See :func:`place`."""
        return place(self.eps)

    def values(self, measure: Measure) -> NDArray[np.float64]:
        """(M,) of the images that count and were attacked with success, in the measure's unit."""
        values = self.table.arrays()[measure.name][self.table.success].astype(np.float64)
        return measure.scale * values[np.isfinite(values)]

    def mean(self, measure: Measure) -> float:
        """Mean of these values; NaN without any."""
        values = self.values(measure)
        return float(values.mean()) if len(values) else math.nan

    def interval(self, measure: Measure) -> Interval:
        """Student's 95 % interval of their mean; NaN below two of them."""
        values = self.values(measure)
        found = paired(values, np.zeros_like(values))
        return Interval(found.low, found.high)


def place(eps: float) -> str:
    """``ε 0.3``, or that there is none."""
    return f"ε {eps:g}" if eps < UNBOUNDED else "no ε"


def title(method: str) -> str:
    """The method's name for people."""
    known = variants()
    return known[method][1].title if method in known else method


def styles(methods: Iterable[str]) -> dict[str, Style]:
    """A look for every method; different ones for up to nine of them.

    The first methods that the app offers keep their look in every run; others take what is left, in their
    order.
    """
    offered = zip(variants(), PALETTE, strict=False)
    return looks(methods, {name: replace(look, title=title(name)) for name, look in offered}, title)


def lines(points: Sequence[Point]) -> dict[str, list[Point]]:
    """The points of every method, by ε, methods in their order."""
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(point.method, []).append(point)
    return {method: sorted(mine, key=lambda point: point.eps) for method, mine in found.items()}


def by_budget(seen: Sequence[Point], points: Sequence[Point]) -> tuple[list[float], list[Point]]:
    """Where the points of one method stand over ε; one that has no ε is a level all the way across.

    Args:
        seen: of the method, by ε.
        points: of the whole sweep, which the axis is for.
    """
    last = max((point.eps for point in points if point.bounded), default=1.0)
    placed = [(at, p) for p in seen for at in ((p.eps,) if p.bounded else (0.0, last))]
    return [at for at, _ in placed], [point for _, point in placed]


def bins(points: Sequence[Point], measure: Measure, most: int = 30) -> NDArray[np.float64]:
    """Edges of common bins for the values of all points, at most ``most``; (2,) around nothing."""
    values = np.concatenate([np.zeros(0), *(point.values(measure) for point in points)])
    if not len(values):
        return np.array([0.0, 1.0])
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-6:
        return np.array([low - 0.5, low + 0.5])
    smallest = min(len(mine) for point in points if len(mine := point.values(measure)))
    count = int(np.clip(math.ceil(4 * smallest ** (1 / 3)), 5, most))
    return np.linspace(low, high, count + 1)


def shares(point: Point, measure: Measure, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Percent of the point's values in every bin; zeros if it has none."""
    counts: NDArray[np.float64] = np.histogram(point.values(measure), edges)[0].astype(np.float64)
    counts *= 100 / max(1.0, float(counts.sum()))
    return counts
