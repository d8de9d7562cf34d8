"""Latent space on the screen: the plane of the codes, and loss against distance to the training images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from advmi_core.figures.autoencoders.series import LOOKS, SCALE, UNIT

Floats = NDArray[np.float64]
HEIGHT = 400
# Okabe–Ito (black as grey) and two more; the symbol tells the class without colour.
CLASS_LOOKS = (
    ("#e69f00", "circle", "o"),
    ("#56b4e9", "square", "s"),
    ("#009e73", "diamond", "D"),
    ("#c9b400", "triangle-up", "^"),
    ("#0072b2", "triangle-down", "v"),
    ("#d55e00", "cross", "P"),
    ("#cc79a7", "x", "X"),
    ("#8a8f98", "star", "*"),
    ("#8c564b", "pentagon", "p"),
    ("#7f5fbf", "hexagram", "h"),
)
DISTANCE = "L2 to the nearest other training image"
LOSS = f"its loss under the first Φ<br>{UNIT}"
_LINE = "rgba(136,136,136,0.45)"


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


def codes(drawn: Codes, row: str, height: int = HEIGHT) -> go.Figure:
    """Originals filled, their UAEs open and joined to them; a click on a class in the legend hides it."""
    figure = _figure(height, *axes(drawn))
    for label, name in enumerate(drawn.classes):
        ink, mark, _ = CLASS_LOOKS[label % len(CLASS_LOOKS)]
        mine = drawn.y == label
        if not mine.any():
            continue
        before, after = drawn.x[mine], drawn.x_adv[mine]
        joined = np.stack([before, after, np.full_like(before, np.nan)], 1).reshape(-1, 2)
        figure.add_scatter(
            x=joined[:, 0], y=joined[:, 1], mode="lines", line={"color": _LINE, "width": 1}, hoverinfo="skip",
            legendgroup=name, showlegend=False, name=f"{name}: from x to x̃",
        )  # fmt: skip
        for points, symbol, what in ((before, mark, "original"), (after, f"{mark}-open", LOOKS[row].title)):
            figure.add_scatter(
                x=points[:, 0], y=points[:, 1], mode="markers", name=name, legendgroup=name,
                marker={"color": ink, "symbol": symbol, "size": 8, "line": {"width": 1.4, "color": ink}},
                showlegend=what == "original", hovertemplate=f"{name}, {what}<extra></extra>",
            )  # fmt: skip
    figure.update_layout(
        showlegend=True, legend={"orientation": "v", "x": 1.01, "y": 1, "itemsizing": "constant"}
    )
    return figure


def axes(drawn: Codes) -> tuple[str, str]:
    """What the axes of the plane are."""
    first, second = (f"{100 * share:.0f} % of the variance" for share in drawn.share)
    return f"first principal component of the codes ({first})", f"second ({second})"


def manifold(clouds: Sequence[Cloud], chosen: int | None = None, height: int = HEIGHT) -> go.Figure:
    """Loss against distance to the nearest other training image.

    Args:
        clouds: the originals first, so that they lie below.
        chosen: training image whose point of the last cloud is ringed.
        height: pixels.
    """
    figure = _figure(height, DISTANCE, LOSS)
    for cloud in clouds:
        look = LOOKS[cloud.row]
        figure.add_scatter(
            x=cloud.distance, y=SCALE * cloud.loss, mode="markers", name=look.title,
            customdata=[f"{cloud.row}/{index}" for index in cloud.index],
            marker={"color": look.ink, "symbol": look.mark, "size": 7, "opacity": 0.6},
            selected={"marker": {"opacity": 0.6}}, unselected={"marker": {"opacity": 0.6}},
            hovertemplate="%{customdata}: distance %{x:.2f}, loss %{y:.2f}<extra></extra>",
        )  # fmt: skip
    at = np.flatnonzero(clouds[-1].index == chosen) if clouds else np.zeros(0, np.int64)
    if len(at):
        figure.add_scatter(
            x=clouds[-1].distance[at], y=SCALE * clouds[-1].loss[at], mode="markers", hoverinfo="skip",
            name="chosen", showlegend=False,
            marker={"symbol": "circle-open", "size": 19, "color": "#888888", "line": {"width": 3}},
        )  # fmt: skip
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(
        showlegend=True, margin={"t": 34},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "itemsizing": "constant"},
    )  # fmt: skip
    return figure


def _figure(height: int, across: str, up: str) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        height=height, hovermode="closest", margin={"l": 66, "r": 14, "t": 12, "b": 46},
        xaxis={"title": across, "zeroline": False}, yaxis={"title": up, "zeroline": False},
    )  # fmt: skip
    return figure
