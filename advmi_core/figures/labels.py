"""Words beside the points of a printed plane, placed so that none lies on another or on a point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

Stroke = tuple[tuple[float, float], tuple[float, float]]  # both ends in the axes' units

_SIZE = 7  # points, of the letters
# Points between a label's middle and its point, besides its half.
_RADII = (9.0, 15.0, 22.0, 30.0, 40.0, 52.0)
_DIRECTIONS = (90, 270, 45, 135, 225, 315, 0, 180)  # degrees
_MARK = 3.5  # points, half a mark


@dataclass(frozen=True)
class Label:
    """Words in a colour about the point (x, y) in the axes' units."""

    text: str
    x: float
    y: float
    ink: str


def beside(figure: Figure, axis: Axes, wanted: Sequence[Label], drawn: Sequence[Stroke]) -> None:
    """Write every label as near to its point as it fits; a far one gets a thin line to it.

    Args:
        figure, axis: with everything else drawn; its limits stay as they are.
        wanted: the labels, the first ones get the best places.
        drawn: all lines, which stay in sight, with a mark at each end.
    """
    figure.draw_without_rendering()  # the layout must stand before anything can be measured
    axis.set_xlim(axis.get_xlim())
    axis.set_ylim(axis.get_ylim())
    scale = figure.dpi / 72
    taken = [box for stroke in drawn for box in _along(axis.transData.transform(stroke), scale)]
    for label in wanted:
        words = axis.annotate(
            label.text, (label.x, label.y), (0, 0), textcoords="offset points", ha="center", va="center",
            fontsize=_SIZE, color=label.ink,
        )  # fmt: skip
        words.set_in_layout(False)
        taken.append(_place(words, axis, label, taken, scale))


def _along(ends: NDArray[np.float64], scale: float) -> Iterator[Bbox]:
    """Small boxes along a line on the paper, larger ones at its marks."""
    if not np.isfinite(ends).all():
        return
    many = int(np.hypot(*(ends[1] - ends[0])) / (2 * scale)) + 2
    for at, (x, y) in enumerate(np.linspace(ends[0], ends[1], many)):
        half = (_MARK if at in (0, many - 1) else 0.5) * scale
        yield Bbox.from_extents(x - half, y - half, x + half, y + half)


def _place(words: Annotation, axis: Axes, label: Label, taken: Sequence[Bbox], scale: float) -> Bbox:
    """Move a label to the first free place, or the last one that was tried; returns its box there."""
    size = words.get_window_extent()
    x, y = axis.transData.transform((label.x, label.y))
    box = size
    for radius, across, up in _places(size.width / scale, size.height / scale):
        words.set_position((across, up))
        middle_x, middle_y = x + across * scale, y + up * scale
        box = Bbox.from_bounds(
            middle_x - size.width / 2, middle_y - size.height / 2, size.width, size.height
        )  # fmt: skip
        inside = axis.bbox.contains(box.x0, box.y0) and axis.bbox.contains(box.x1, box.y1)
        if inside and not any(box.overlaps(other) for other in taken):
            if radius > _RADII[1]:
                axis.annotate(
                    "", (label.x, label.y), (across, up), textcoords="offset points",
                    arrowprops={"arrowstyle": "-", "color": label.ink, "linewidth": 0.5, "shrinkA": 5},
                ).set_in_layout(False)  # fmt: skip
            break
    return box


def _places(width: float, height: float) -> Iterator[tuple[float, float, float]]:
    """(radius, across, up) in points of the places to try, from near to far."""
    for radius in _RADII:
        for degrees in _DIRECTIONS:
            turn = math.radians(degrees)
            across, up = math.cos(turn), math.sin(turn)
            yield radius, across * (radius + width / 2 - 4), up * (radius + height / 2 - 4)
