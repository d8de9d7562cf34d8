"""Charts of the latent space: the plane of the codes, and loss against distance to the training images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advmi_core.figures.autoencoders.series import LOOKS, SCALE, UNIT
from advmi_core.figures.chart import Axis, Chart, Element, Line, Points
from advmi_core.figures.style import RING, Style

Floats = NDArray[np.float64]
# Okabe–Ito (black as grey) and two more; the symbol tells the class without colour.
_CLASSES = (
    ("#e69f00", "circle"),
    ("#56b4e9", "square"),
    ("#009e73", "diamond"),
    ("#c9b400", "triangle-up"),
    ("#0072b2", "triangle-down"),
    ("#d55e00", "cross"),
    ("#cc79a7", "x"),
    ("#8a8f98", "star"),
    ("#8c564b", "pentagon"),
    ("#7f5fbf", "hexagram"),
)
_JOIN = "#bbbbbb"
HEIGHT = 400


@dataclass(frozen=True)
class Codes:
    """Codes in the plane.

    Attributes:
        x, x_adv: (N,2) of the originals and of their UAEs, row by row.
        y: (N,) classes.
        classes: their names.
        share: (2,) of the originals' variance, in [0,1].
    """

    x: Floats
    x_adv: Floats
    y: NDArray[np.int64]
    classes: tuple[str, ...]
    share: Floats


@dataclass(frozen=True)
class Cloud:
    """Images beside the training set.

    Attributes:
        row: whose UAEs; ``"original"`` are the training images themselves.
        index: (N,) which training image each is, or is made from.
        distance: (N,) L2 to the nearest training image but that one.
        loss: (N,) squared error per pixel of its reconstruction.
    """

    row: str
    index: NDArray[np.int64]
    distance: Floats
    loss: Floats


def codes(drawn: Codes, row: str) -> Chart:
    """Originals filled, their UAEs open and joined to them; a click on a class in the legend hides it."""
    elements: list[Element] = []
    for label, name in enumerate(drawn.classes):
        mine = drawn.y == label
        if not mine.any():
            continue
        ink, mark = _CLASSES[label % len(_CLASSES)]
        before, after = drawn.x[mine], drawn.x_adv[mine]
        joined = np.stack([before, after, np.full_like(before, np.nan)], 1).reshape(-1, 2)
        elements.append(Line(
            style=Style(name, _JOIN), x=joined[:, 0], y=joined[:, 1], marks=0, width=1, named=False
        ))  # fmt: skip
        for points, symbol, what in ((before, mark, "original"), (after, f"{mark}-open", LOOKS[row].title)):
            elements.append(Points(
                style=Style(name, ink, mark=symbol), x=points[:, 0], y=points[:, 1],
                tips=[f"{name}, {what}"] * len(points), named=what == "original",
            ))  # fmt: skip
    first, second = (f"{100 * share:.0f} % of the variance" for share in drawn.share)
    return Chart(
        elements=elements, across=Axis(title=f"first principal component of the codes ({first})"),
        up=Axis(title=f"second ({second})"), legend="right", height=HEIGHT, size=(6.4, 4.4),
    )  # fmt: skip


def manifold(clouds: Sequence[Cloud], chosen: int | None = None) -> Chart:
    """Loss against distance to the nearest other training image.

    Args:
        clouds: the originals first, so that they lie below.
        chosen: training image whose point of the last cloud is ringed.
    """
    elements = [
        Points(
            style=LOOKS[cloud.row], x=cloud.distance, y=SCALE * cloud.loss, size=7, opacity=0.6,
            ids=[f"{cloud.row}/{index}" for index in cloud.index],
            tips=[
                f"{cloud.row}/{index}: distance {far:.2f}, loss {SCALE * loss:.2f}"
                for index, far, loss in zip(cloud.index, cloud.distance, cloud.loss, strict=True)
            ],
        )
        for cloud in clouds
    ]  # fmt: skip
    at = np.flatnonzero(clouds[-1].index == chosen) if clouds else np.zeros(0, np.int64)
    if len(at):
        x, y = clouds[-1].distance[at], SCALE * clouds[-1].loss[at]
        elements.append(Points(style=RING, x=x, y=y, size=19, named=False))
    return Chart(
        elements=elements, across=Axis(title="L2 to the nearest other training image", from_zero=True),
        up=Axis(title=f"its loss under the first Φ\n{UNIT}", from_zero=True), legend="above", height=HEIGHT,
        size=(6.4, 4.4),
    )  # fmt: skip
