"""Pictures side by side for papers and slides; without pyplot, so safe in any thread."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from advmi_core.figures.style import NEGATIVE, POSITIVE, ZERO

Floats = NDArray[np.float32]
DIVERGING = LinearSegmentedColormap.from_list("perturbation", [NEGATIVE, ZERO, POSITIVE])


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
    figure = Figure(figsize=(width, height), facecolor="white")
    axes = []
    for at, text in enumerate(texts):
        row, column = divmod(at, columns)
        left, low = gap + column * (side + gap), height - (row + 1) * (above + side) - row * below
        axis = figure.add_axes((left / width, low / height, side / width, side / height))
        axis.set_title(text, fontsize=size)
        axis.set_axis_off()
        axes.append(axis)
    return figure, axes


def _hwc(image: Floats) -> Floats:
    array = np.moveaxis(np.clip(image, 0, 1), 0, -1)
    return array[..., 0] if array.shape[-1] == 1 else array
