"""What the figures of a sweep are drawn from: one point a cell, and one look a method."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from advmi_core.evaluation import ImageTable, Interval, Summary
from advmi_core.figures.style import Dashes, Style

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Point:
    """One method at one ε.

    Attributes:
        id: the cell's name, handed back when the point is clicked.
        method: its label in the sweep.
        eps: budget.
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
    def values(self) -> NDArray[np.float64]:
        """(M,) nats, the MI measured afterwards of the images that count and were attacked with success."""
        mi = self.table.mi[self.table.success].astype(np.float64)
        return mi[np.isfinite(mi)]

    @property
    def mi_interval(self) -> Interval:
        """Student's 95 % interval of the mean MI over these images; NaN below two of them."""
        mi = self.summary.mi
        if mi.n < 2:
            return Interval(math.nan, math.nan)
        half = float(stdtrit(mi.n - 1, (1 + LEVEL) / 2)) * mi.std / math.sqrt(mi.n - 1)
        return Interval(mi.mean - half, mi.mean + half)


_LOOKS: tuple[tuple[str, str, str, Dashes, str, str], ...] = (
    ("#d55e00", "solid", "circle", "-", "o", ""),
    ("#2f8fcb", "dash", "square", "--", "s", "8 5"),
    ("#009e73", "dot", "diamond", ":", "D", "2 4"),
    ("#b3689a", "dashdot", "triangle-up", "-.", "^", "8 4 2 4"),
    ("#b58100", "longdash", "x", (0, (9, 3)), "X", "13 4"),
    ("#7d838c", "longdashdot", "star", (0, (9, 3, 2, 3)), "*", "13 4 2 4"),
)
# The methods that the app offers keep their look in every run; others take what is left, in their order.
TITLES = {
    "minmax": "MinMax conv",
    "pgd": "PGD margin",
    "minmax-gaussian": "MinMax Gaussian patches",
    "minmax-patches": "MinMax patches",
    "pgd-ce": "PGD cross-entropy",
    "penalty": "Penalty",
}


def title(method: str) -> str:
    """The method's name for people."""
    return TITLES.get(method, method)


def styles(methods: Iterable[str]) -> dict[str, Style]:
    """A look for every method; different ones for up to six of them."""
    wanted = list(dict.fromkeys(methods))
    known = list(TITLES)
    fixed = {method: known.index(method) for method in wanted if method in TITLES}
    free = [at for at in range(len(_LOOKS)) if at not in fixed.values()] or list(range(len(_LOOKS)))
    others = [method for method in wanted if method not in fixed]
    places = fixed | {method: free[at % len(free)] for at, method in enumerate(others)}
    return {method: Style(title(method), *_LOOKS[places[method]]) for method in wanted}


def lines(points: Sequence[Point]) -> dict[str, list[Point]]:
    """The points of every method, by ε, methods in their order."""
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(point.method, []).append(point)
    return {method: sorted(mine, key=lambda point: point.eps) for method, mine in found.items()}


def bins(points: Sequence[Point], most: int = 30) -> NDArray[np.float64]:
    """Edges of common bins for the values of all points, at most ``most``; (2,) around nothing."""
    values = np.concatenate([np.zeros(0), *(point.values for point in points)])
    if not len(values):
        return np.array([0.0, 1.0])
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-6:
        return np.array([low - 0.5, low + 0.5])
    smallest = min(len(point.values) for point in points if len(point.values))
    count = int(np.clip(math.ceil(4 * smallest ** (1 / 3)), 5, most))
    return np.linspace(low, high, count + 1)


def shares(point: Point, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Percent of the point's values in every bin; zeros if it has none."""
    counts: NDArray[np.float64] = np.histogram(point.values, edges)[0].astype(np.float64)
    counts *= 100 / max(1.0, float(counts.sum()))
    return counts
