"""matplotlib figures for papers and slides; without pyplot, so safe in any thread."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from advmi_core.figures.attack.trajectory import Trajectory, loop_title
from advmi_core.figures.palette import AFTER, BEFORE, LOOP, NEGATIVE, POSITIVE, SERIES, ZERO

Floats = NDArray[np.float32]
matplotlib.rcParams["svg.hashsalt"] = "advmi"  # SVG's names of parts are random otherwise
DIVERGING = LinearSegmentedColormap.from_list("perturbation", [NEGATIVE, ZERO, POSITIVE])


def curves(trail: Trajectory) -> Figure:
    """Criterion, dual variable, information kept and proximal gap over the iterations, four linked panels."""
    figure = _figure(10.0, 5.2)
    axes = figure.subplots(2, 2, sharex=True).ravel()
    every = max(1, len(trail.curve_steps) // 8)
    for axis, series in zip(axes, SERIES, strict=True):
        values = trail.curves[series.name]
        axis.set_title(series.title, loc="left", fontsize=10)
        axis.set_ylabel(series.unit, fontsize=9)
        axis.grid(alpha=0.25)
        if np.isfinite(values).any():
            axis.plot(
                trail.curve_steps, values, series.line, color=series.ink, marker=series.marker,
                markevery=every, markersize=4,
            )  # fmt: skip
            _kept(axis, trail.best)
        else:
            axis.text(0.5, 0.5, "not used by this attack", ha="center", transform=axis.transAxes)
        if series.name == "kept":
            _loop(axis, trail)
    axes[0].axhline(0, color="#444444", linewidth=0.8)
    for axis in axes[2:]:
        axis.set_xlabel("iteration")
    return figure


def _loop(axis: Axes, trail: Trajectory) -> None:
    """What the loop's own term says, thin and in its own unit, beside the information kept."""
    values = trail.curves[LOOP.name]
    if not np.isfinite(values).any():
        return
    beside = axis.twinx()
    beside.plot(
        trail.curve_steps, values, LOOP.line, color=LOOP.ink, linewidth=0.9,
        label=loop_title(trail.loop_term),
    )  # fmt: skip
    beside.set_ylabel(LOOP.unit, fontsize=9)
    beside.legend(frameon=False, fontsize=8, loc="lower right")


def _kept(axis: Axes, best: int | None) -> None:
    if best:
        axis.axvline(best, color="#444444", linestyle=(0, (3, 3)), linewidth=0.9)
        axis.annotate("kept", (best, 1), xycoords=("data", "axes fraction"), fontsize=8, va="top")


def strip(pictures: Sequence[tuple[str, Floats]], change: Floats, gain: int) -> Figure:
    """Pictures side by side, the perturbation last.

    Args:
        pictures: (caption, (C,H,W) in [0,1]) in order.
        change: (C,H,W) the perturbation δ.
        gain: it is shown times this.
    """
    captions = [*(caption for caption, _ in pictures), f"perturbation δ, ×{gain}"]
    figure, axes = _panels(captions, columns=len(captions), side=2.1, size=9, below=0.42)
    for axis, (_, image) in zip(axes, pictures, strict=False):
        axis.imshow(_hwc(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    shown = axes[-1].imshow(
        change.mean(axis=0), cmap=DIVERGING, vmin=-1 / gain, vmax=1 / gain, interpolation="nearest"
    )
    # An axis of its own below the last picture: one that takes room from it would shift it.
    box, height = axes[-1].get_position(), figure.get_figheight()
    scale = figure.add_axes((box.x0, box.y0 - 0.16 / height, box.width, 0.09 / height))
    figure.colorbar(shown, cax=scale, orientation="horizontal", ticks=[-1 / gain, 0, 1 / gain])
    scale.set_xticklabels([f"{end:.2g}".replace("-", "−") for end in (-1 / gain, 0, 1 / gain)])
    scale.tick_params(labelsize=7)
    return figure


def bars(classes: Sequence[str], before: Floats, after: Floats, truth: int) -> Figure:
    """Predictions of all classes, before (hatched) and after (solid)."""
    figure = _figure(5.4, 0.34 * len(classes) + 1.0)
    axis = figure.subplots()
    place = np.arange(len(classes))
    axis.barh(place - 0.2, before, 0.38, label="x", color="white", edgecolor=BEFORE, hatch="///")
    axis.barh(place + 0.2, after, 0.38, label="x̃", color=AFTER)
    names = [f"{name} (true)" if i == truth else name for i, name in enumerate(classes)]
    axis.set_yticks(place, names, fontsize=9)
    axis.invert_yaxis()
    axis.set_xlim(0, 1)
    axis.set_xlabel("probability")
    axis.legend(frameon=False, fontsize=9)
    return figure


def gallery(images: Floats, captions: Sequence[str]) -> Figure:
    """(B,C,H,W) images with a caption each, in the order given."""
    figure, axes = _panels(captions, columns=min(8, len(images)), side=1.25, size=7, below=0.02)
    for axis, image in zip(axes, images, strict=True):
        axis.imshow(_hwc(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    return figure


def _panels(
    captions: Sequence[str], *, columns: int, side: float, size: float, below: float
) -> tuple[Figure, list[Axes]]:
    """Square panels in rows, every one as large and in line with the others, below captions that fit.

    Args:
        captions: one a panel; a long one takes several lines.
        columns: panels in a row.
        side: of a panel, inches.
        size: of the captions' letters, points.
        below: room below each panel, inches.
    """
    letters = int(side * 72 / (0.56 * size))  # an average letter's width in its size
    texts = ["\n".join(textwrap.wrap(caption, letters, break_on_hyphens=False)) for caption in captions]
    above = (1 + max(text.count("\n") for text in texts)) * 1.25 * size / 72 + 0.12
    rows, gap = -(-len(captions) // columns), 0.1
    width, height = columns * (side + gap) + gap, rows * (above + side + below) + gap
    figure = _figure(width, height, layout=None)
    axes = []
    for at, text in enumerate(texts):
        row, column = divmod(at, columns)
        left, low = gap + column * (side + gap), height - (row + 1) * (above + side) - row * below
        axis = figure.add_axes((left / width, low / height, side / width, side / height))
        axis.set_title(text, fontsize=size)
        axis.set_axis_off()
        axes.append(axis)
    return figure, axes


def save(figure: Figure, kind: Literal["png", "svg", "pdf"]) -> bytes:
    """The figure as a file; figures made alike give the same bytes."""
    buffer = io.BytesIO()
    undated: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    figure.savefig(buffer, format=kind, dpi=200, metadata=undated.get(kind, {}))
    return buffer.getvalue()


def _figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    figure = Figure(figsize=(width, height), layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _hwc(image: Floats) -> Floats:
    array = np.moveaxis(np.clip(image, 0, 1), 0, -1)
    return array[..., 0] if array.shape[-1] == 1 else array
