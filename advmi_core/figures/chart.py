"""What a figure shows, told without a plotting library; the renderers draw it on the screen and in print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from advmi_core.figures.style import GREY, SOLID, Dash, Style

Floats = NDArray[np.float64]
Values = Sequence[float] | NDArray[Any]
Ends = tuple[Values, Values]
_GAP = 0.06  # between two names at the ends of curves, in parts of the axis


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis.

    Attributes:
        title: with the unit; may have two lines.
        range: both ends, or as the values need it.
        ticks: (place, text) of every tick, or as they fall.
        log: logarithmic.
        from_zero: 0 belongs to it.
        zero_line: 0 is marked.
        grid: lines at the ticks.
        labelled: the ticks have texts.
    """

    title: str = ""
    range: tuple[float, float] | None = None
    ticks: tuple[tuple[float, str], ...] = ()
    log: bool = False
    from_zero: bool = False
    zero_line: bool = False
    grid: bool = True
    labelled: bool = True


@dataclass(frozen=True, kw_only=True)
class Points:
    """Marks.

    Attributes:
        style: their look.
        x, y: (N,) places; NaN is left out.
        x_ends, y_ends: both ends of the error bars, (N,) each; NaN where a point has none.
        labels: (N,) words beside them, "" for none; ``label_side`` says where on the screen.
        tips: (N,) what pointing at one says, or a format of ``{x}``, ``{y}`` and ``{name}`` for all; () for
            nothing. names: (N,) of the points, for that format.
        ids: (N,) what a click hands back.
        size: of a mark, pixels. opacity: in [0,1].
        named: the legend names them.
    """

    style: Style
    x: Values
    y: Values
    x_ends: Ends | None = None
    y_ends: Ends | None = None
    labels: Sequence[str] = ()
    label_side: Literal["top center", "top left", "top right", "bottom center"] = "top center"
    tips: Sequence[str] | str = ()
    names: Sequence[str] = ()
    ids: Sequence[str] = ()
    size: float = 8
    opacity: float = 1.0
    named: bool = True


@dataclass(frozen=True, kw_only=True)
class Line(Points):
    """Marks that are joined; NaN is a gap.

    Attributes:
        band: lower and upper edge of a band around it, (N,) each.
        marks: at most so many are drawn.
        width: pixels.
        right: belongs to the axis at the right.
    """

    band: Ends | None = None
    marks: int = 1000
    width: float = 2.2
    right: bool = False


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Bars.

    Attributes:
        style: their look.
        x: (N,) places of their middles; ``width``: in the axis' unit.
        y: (N,) lengths, from ``base`` (N,) on.
        y_ends: both ends of the error bars.
        labels: (N,) words above them, at the heights ``label_at`` (N,).
        tips, names: as of points.
        lying: they grow to the right, and ``x`` is upright.
        opacity: in [0,1].
    """

    style: Style
    x: Values
    y: Values
    width: float
    base: Values | None = None
    y_ends: Ends | None = None
    labels: Sequence[str] = ()
    label_at: Values | None = None
    tips: Sequence[str] | str = ()
    names: Sequence[str] = ()
    lying: bool = False
    opacity: float = 1.0
    named: bool = True

    @property
    def tops(self) -> Floats:
        """(N,) where the labels stand."""
        if self.label_at is not None:
            return np.asarray(self.label_at, np.float64)
        base = np.zeros(len(self.y)) if self.base is None else np.asarray(self.base, np.float64)
        return base + np.asarray(self.y, np.float64)


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A histogram's outline: (B+1,) edges and (B,) heights; ``tips`` are of the bins."""

    style: Style
    edges: Floats
    heights: Floats
    tips: Sequence[str] = ()
    named: bool = True


@dataclass(frozen=True, kw_only=True)
class Violin:
    """How (N,) values lie, upright at ``x``; ``said`` stands above it."""

    style: Style
    x: float
    values: Floats
    said: str = ""
    named: bool = False


@dataclass(frozen=True, kw_only=True)
class Radar:
    """Values on the spokes of the chart, (S,), NaN where unknown; ``tips`` as of points."""

    style: Style
    values: Values
    tips: Sequence[str] = ()
    named: bool = True


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A straight line at one ``x`` or one ``y``, all the way or over a ``span``, with a label at its end."""

    x: float | None = None
    y: float | None = None
    span: tuple[float, float] | None = None
    ink: str = GREY
    dash: Dash = SOLID
    width: float = 1.4
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Words:
    """Texts above places, (N,) each."""

    x: Values
    y: Values
    texts: Sequence[str]
    size: int = 13


Element = Points | Bars | Outline | Violin | Radar | Rule | Words
Named = Points | Bars | Outline | Violin | Radar


@dataclass(frozen=True)
class End:
    """A curve's name and last value, written at the right in its ink."""

    text: str
    value: float
    ink: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One pair of axes and all that is drawn in it, the first element lowest.

    Attributes:
        elements: what is drawn.
        across, up: the axes; ``right``: a second upright one.
        title: above it.
        legend: where the screen has it; ``page``: the page shows one for several charts. Print has one unless
            ``ends`` name the curves.
        hover: what pointing at the screen finds.
        ends: names at the right ends of curves.
        message: what an empty chart says instead.
        spokes: names of a radar's spokes, clockwise from the top; ``up`` is the axis along them.
        height: on the screen, pixels. top: at least so many of them above the axes.
        size: in print, inches.
    """

    elements: Sequence[Element]
    across: Axis = Axis()
    up: Axis = Axis()
    right: Axis | None = None
    title: str = ""
    legend: Literal["page", "above", "right"] = "page"
    hover: Literal["closest", "x", "x unified"] = "closest"
    ends: Sequence[End] = ()
    message: str = ""
    spokes: Sequence[str] = ()
    height: int = 300
    top: int = 12
    size: tuple[float, float] = (5.4, 3.9)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Charts of one figure, row by row; those that share an axis are zoomed together."""

    charts: Sequence[Chart]
    columns: int
    share_across: bool = False
    share_up: bool = False
    height: int = 300


Drawing = Chart | Grid


def tips_of(element: Points | Bars) -> Sequence[str]:
    """(N,) what pointing at each says, or ()."""
    if not isinstance(element.tips, str):
        return element.tips
    names = element.names or [""] * len(element.x)
    places = zip(element.x, element.y, names, strict=True)
    return [element.tips.format(x=x, y=y, name=name) for x, y, name in places]


def charts_of(drawing: Drawing) -> Sequence[Chart]:
    """All charts of a figure."""
    return drawing.charts if isinstance(drawing, Grid) else (drawing,)


def named(drawings: Sequence[Drawing]) -> list[Named]:
    """What a legend of these figures names, every title once."""
    found: dict[str, Named] = {}
    for drawing in drawings:
        for chart in charts_of(drawing):
            for element in chart.elements:
                if isinstance(element, Named) and element.named and element.style.title:
                    found.setdefault(element.style.title, element)
    return list(found.values())


def above(chart: Chart) -> list[Rule]:
    """The upright lines that have labels, which stand above the axes."""
    return [e for e in chart.elements if isinstance(e, Rule) and e.label and e.x is not None]


def titled(chart: Chart, title: str) -> Chart:
    """The same chart below a title, for a figure that stands alone."""
    return replace(chart, title=title)


def end_labels(chart: Chart) -> Iterator[tuple[str, float, str]]:
    """(text, height, ink) of the names at the right; an arrow where the curve left the axis, whose range is
    known."""
    assert chart.up.range is not None
    low, high = chart.up.range
    for end, at in zip(chart.ends, spread_out([end.value for end in chart.ends], low, high), strict=True):
        gone = " ↓" if end.value < low else " ↑" if end.value > high else ""
        yield f"{end.text}{gone}", at, end.ink


def spread_out(wanted: Sequence[float], low: float, high: float) -> list[float]:
    """Positions near the wanted ones, in their order, a label's height apart, inside [low, high]."""
    gap = _GAP * (high - low)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    placed: list[float] = []
    for index in order:
        least = placed[-1] + gap if placed else low
        placed.append(max(min(wanted[index], high), least))
    for at in range(len(placed) - 1, -1, -1):
        placed[at] = min(placed[at], placed[at + 1] - gap if at + 1 < len(placed) else high)
    return [place for _, place in sorted(zip(order, placed, strict=True))]


def within_reach(values: Values, axis: Axis) -> Floats:
    """Values far outside the axis, brought to twice its length beyond it: no program draws 10⁹ well."""
    array = np.asarray(values, np.float64)
    if axis.range is None or axis.log:
        return array
    low, high = min(axis.range), max(axis.range)
    reach = 2 * (high - low)
    return np.clip(array, low - reach, high + reach)


def error_sizes(middle: Values, ends: Ends) -> tuple[Floats, Floats]:
    """How far error bars reach below and above the middle; 0 where there is none."""
    low, high = (np.asarray(end, np.float64) for end in ends)
    at = np.asarray(middle, np.float64)
    return np.maximum(0, np.nan_to_num(at - low)), np.maximum(0, np.nan_to_num(high - at))
