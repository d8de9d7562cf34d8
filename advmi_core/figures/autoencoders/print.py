"""A retraining study for paper and slides: the figures of the screen in matplotlib, each with its legend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from advmi_core.figures.autoencoders.series import (
    HATCHES,
    LOOKS,
    PROTOCOL_TITLES,
    SCALE,
    UNIT,
    Curve,
    interval,
    log_axis,
    models_of,
    of_model,
    protocols_of,
    select,
    signed,
)
from advmi_core.studies.autoencoders import ROWS, RowSummary
from advmi_core.studies.autoencoders.records import ORIGINAL

_PANEL = (4.6, 3.3)


def curves(panels: Sequence[tuple[str, Sequence[Curve]]], across: Sequence[str]) -> Figure:
    """Validation loss over the training, a panel a protocol.

    Args:
        panels: title and curves of each protocol.
        across: what the epochs of each panel are counted in.
    """
    figure, axes = _figure(len(panels))
    for axis, (name, drawn), epochs in zip(axes, panels, across, strict=True):
        axis.set_title(name, loc="left", fontsize=10)
        axis.set_xlabel(epochs)
        axis.set_yscale("log")
        axis.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        for curve in drawn:
            look = LOOKS[curve.row]
            axis.fill_between(curve.epoch, curve.low, curve.high, color=look.ink, alpha=0.16, linewidth=0)
            axis.plot(
                curve.epoch, curve.mean, color=look.ink, linestyle=look.line, marker=look.marker,
                markevery=max(1, len(curve.epoch) // 8), markersize=4, linewidth=1.6, label=look.title,
            )  # fmt: skip
    ends, ticks = log_axis([curve for _, drawn in panels for curve in drawn])
    axes[0].set_ylim(ends)  # the panels share it
    axes[0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes[0].minorticks_off()
    axes[0].set_ylabel(f"validation loss\n{UNIT}")
    return _finish(figure, axes)


def bars(lines: Sequence[RowSummary], side: str = "test") -> Figure:
    """Losses as bars, a panel a protocol, with the change against the original (dashed) and its interval."""
    protocols = protocols_of(lines) or list(PROTOCOL_TITLES)[:1]
    figure, axes = _figure(len(protocols), max(1.0, 0.55 * len(models_of(lines))))
    for axis, protocol in zip(axes, protocols, strict=True):
        axis.set_title(PROTOCOL_TITLES[protocol], loc="left", fontsize=10)
        _group(axis, select(lines, protocol))
    axes[0].set_ylabel(f"{side} loss\n{UNIT}")
    return _finish(figure, axes)


def _group(axis: Axes, shown: Sequence[RowSummary]) -> None:
    models = models_of(shown)
    rows = [row for row in ROWS if any(line.row == row for line in shown)]
    width = 0.86 / max(1, len(rows))
    levels = {line.model: SCALE * line.mean for line in shown if line.row == ORIGINAL}
    for line in shown:
        group, look, (low, high) = models.index(line.model), LOOKS[line.row], interval(line)
        place, top = group + (rows.index(line.row) - (len(rows) - 1) / 2) * width, SCALE * line.mean
        axis.bar(
            place, top, 0.9 * width, facecolor="white" if HATCHES[line.row] else look.ink, edgecolor=look.ink,
            hatch=2 * HATCHES[line.row], label=look.title if group == 0 else None,
        )  # fmt: skip
        if line.row == ORIGINAL:
            axis.hlines(top, group - 0.46, group + 0.46, color="#666666", linestyles="dashed", linewidth=1)
            continue
        axis.errorbar(place, top, [[SCALE * low], [SCALE * high]], color="#333333", elinewidth=1, capsize=2)
        label = max(top + SCALE * high, levels.get(line.model, 0.0))
        axis.annotate(
            f"{signed(line.change, 1)} %", (place, label), (0, 2), textcoords="offset points", ha="center",
            fontsize=6,
        )  # fmt: skip
    axis.set_xticks(range(len(models)), [of_model(model) for model in models])
    axis.margins(y=0.1)


def moved(lines: Sequence[RowSummary], model: str) -> Figure:
    """Mean L2 of each row's UAEs: the whole change, its random start, what the optimisation moved."""
    mine = {line.row: line for line in lines if line.model == model and np.isfinite(line.l2)}
    rows = [row for row in ROWS if row in mine]
    figure, (axis,) = _figure(1, 1.3)
    parts = (("l2", "whole change", "#7d838c", ""), ("start_l2", "random start", "#2f8fcb", "//"))
    for at, (name, said, ink, hatch) in enumerate((*parts, ("moved_l2", "moved", "#d55e00", "xx"))):
        axis.bar(
            np.arange(len(rows)) + 0.27 * (at - 1), [getattr(mine[row], name) for row in rows], 0.25,
            facecolor="white" if hatch else ink, edgecolor=ink, hatch=hatch, label=said,
        )  # fmt: skip
    axis.set_xticks(range(len(rows)), [LOOKS[row].title for row in rows], fontsize=8)
    axis.set_ylabel("L2, mean over the images")
    return _finish(figure, [axis])


def _figure(panels: int, stretch: float = 1.0) -> tuple[Figure, list[Axes]]:
    width, height = _PANEL
    size = (stretch * width * panels, height)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    axes = list(np.atleast_1d(figure.subplots(1, panels, sharey=True)))
    for axis in axes:
        axis.grid(axis="y", alpha=0.25)
        axis.set_axisbelow(True)
    return figure, axes


def _finish(figure: Figure, axes: Sequence[Axes]) -> Figure:
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(
            handles, labels, loc="outside upper center", ncols=5, frameon=False, fontsize=8, handlelength=4
        )
    return figure
