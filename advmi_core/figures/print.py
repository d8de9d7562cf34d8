"""matplotlib figures for papers and slides; without pyplot, so safe in any thread."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from advmi_core.figures.palette import AFTER, BEFORE, NEGATIVE, POSITIVE, SERIES, ZERO
from advmi_core.figures.trail import Trail

Floats = NDArray[np.float32]
matplotlib.rcParams["svg.hashsalt"] = "advmi"  # SVG's names of parts are random otherwise
DIVERGING = LinearSegmentedColormap.from_list("perturbation", [NEGATIVE, ZERO, POSITIVE])


def curves(trail: Trail) -> Figure:
    """Criterion, dual variable, MI and proximal gap over the iterations, four linked panels."""
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
    axes[0].axhline(0, color="#444444", linewidth=0.8)
    for axis in axes[2:]:
        axis.set_xlabel("iteration")
    return figure


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
    figure = _figure(2.3 * (len(pictures) + 1), 2.9)
    axes = np.atleast_1d(figure.subplots(1, len(pictures) + 1))
    for axis, (caption, image) in zip(axes, pictures, strict=False):
        axis.set_title(caption, fontsize=9)
        axis.imshow(_hwc(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    last = axes[-1]
    last.set_title(f"perturbation δ, ×{gain}", fontsize=9)
    shown = last.imshow(
        change.mean(axis=0), cmap=DIVERGING, vmin=-1 / gain, vmax=1 / gain, interpolation="nearest"
    )
    bar = figure.colorbar(
        shown, ax=last, fraction=0.05, orientation="horizontal", ticks=[-1 / gain, 0, 1 / gain]
    )
    bar.ax.tick_params(labelsize=7)
    for axis in axes:
        axis.set_axis_off()
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
    columns = min(8, len(images))
    rows = -(-len(images) // columns)
    figure = _figure(1.35 * columns, 1.65 * rows)
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axis, image, caption in zip(axes, images, captions, strict=False):
        axis.imshow(_hwc(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(caption, fontsize=7)
    for axis in axes:
        axis.set_axis_off()
    return figure


def save(figure: Figure, kind: Literal["png", "svg", "pdf"]) -> bytes:
    """The figure as a file; figures made alike give the same bytes."""
    buffer = io.BytesIO()
    undated: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    figure.savefig(buffer, format=kind, dpi=200, metadata=undated.get(kind, {}))
    return buffer.getvalue()


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _hwc(image: Floats) -> Floats:
    array = np.moveaxis(np.clip(image, 0, 1), 0, -1)
    return array[..., 0] if array.shape[-1] == 1 else array
