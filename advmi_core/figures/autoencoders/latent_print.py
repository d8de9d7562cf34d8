"""Latent space for paper and slides."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from advmi_core.figures.autoencoders.latent import CLASS_LOOKS, DISTANCE, LOSS, Cloud, Codes, axes
from advmi_core.figures.autoencoders.series import LOOKS, SCALE


def codes(drawn: Codes, row: str) -> Figure:
    """Originals filled, their UAEs open and joined to them."""
    figure, axis = _figure(*axes(drawn))
    for label, name in enumerate(drawn.classes):
        ink, _, marker = CLASS_LOOKS[label % len(CLASS_LOOKS)]
        mine = drawn.y == label
        if mine.any():
            before, after = drawn.x[mine].T, drawn.x_adv[mine].T
            across, up = ([a, b] for a, b in zip(before, after, strict=True))
            axis.plot(across, up, color="#bbbbbb", linewidth=0.5, zorder=1)
            axis.scatter(before[0], before[1], 16, color=ink, marker=marker, label=name)
            axis.scatter(
                after[0], after[1], 16, facecolors="none", edgecolors=ink, marker=marker, linewidths=0.8
            )
    axis.set_title(f"filled: original, open: {LOOKS[row].title}", loc="left", fontsize=9)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    return figure


def manifold(clouds: Sequence[Cloud]) -> Figure:
    """Loss against distance to the nearest other training image."""
    figure, axis = _figure(DISTANCE, LOSS.replace("<br>", ", "))
    for cloud in clouds:
        look = LOOKS[cloud.row]
        axis.scatter(
            cloud.distance, SCALE * cloud.loss, 16, color=look.ink, marker=look.marker, alpha=0.6,
            linewidths=0.5, label=look.title,
        )  # fmt: skip
    axis.set_xlim(left=0)
    axis.set_ylim(bottom=0)
    if clouds:
        figure.legend(loc="outside upper center", ncols=5, frameon=False, fontsize=8)
    return figure


def _figure(across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 4.4), layout="constrained", facecolor="white")
    axis = figure.subplots()
    axis.set_xlabel(across)
    axis.set_ylabel(up)
    axis.grid(alpha=0.25)
    return figure, axis
