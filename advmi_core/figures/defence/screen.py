"""A defence study on the screen: its training, and the radar of attacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from advmi_core.defenses import DefenseStep, Epoch, EstimatorStep
from advmi_core.figures.defence.series import ADVERSARIAL, NATURAL, WHOLE, Floats
from advmi_core.figures.style import Style

HEIGHT = 225
BASE = "#888888"
_CLEAR = "rgba(0,0,0,0)"  # a page that turns dark under a drawn figure would leave it white
_LOSSES = {
    "loss": Style("L", "#7d838c", "solid", "circle", "-", "o", ""),
    "base": Style("L_adv", "#009e73", "dash", "square", "--", "s", "8 5"),
    "information": Style("L_mi", "#b3689a", "dot", "diamond", ":", "D", "2 4"),
}
_RADAR = {
    "I(x; h(x))": Style("standard MI of x", "#009e73", "dot", "diamond", ":", "D", "2 4"),
    "I(x̃; h(x̃))": Style("standard MI of x̃", "#d55e00", "solid", "circle", "-", "o", ""),
    "I(x; h(x̃))": Style("natural MI of x̃", "#2f8fcb", "dash", "square", "--", "s", "8 5"),
}
Read = Callable[[Epoch], float]


def losses(steps: Sequence[DefenseStep], height: int = HEIGHT) -> go.Figure:
    """The parts of the loss at every record of one training."""
    figure = empty_figure(height, "epoch", "loss")
    ordered = sorted(steps, key=_when)
    for name, look in _LOSSES.items():
        values = [getattr(step.parts, name) for step in ordered]
        if np.isfinite(values).any():
            _line(figure, [_when(step) for step in ordered], values, look, marks=len(values) < 12)
    _epochs(figure, steps[0].epochs if steps else 1)
    return figure


ESTIMATED = {
    "natural": replace(NATURAL, title="e_n"),
    "adversarial": replace(ADVERSARIAL, title="e_a"),
    "standard": replace(WHOLE, title="standard"),
}


def loss_looks(steps: Sequence[DefenseStep]) -> list[Style]:
    """For the legend of the losses: the parts that this training has."""
    return [look for name, look in _LOSSES.items() if any(np.isfinite(getattr(s.parts, name)) for s in steps)]


def _when(step: DefenseStep) -> float:
    return step.epochs * step.step / step.total


def over_epochs(
    lines: Sequence[tuple[Style, Sequence[Epoch], Read]],
    up: str,
    *,
    epochs: int,
    levels: Sequence[tuple[Style, float]] = (),
    height: int = HEIGHT,
) -> go.Figure:
    """Something measured on the validation images after every epoch.

    Args:
        lines: look, epochs, and what is drawn of an epoch.
        up: title of the axis.
        epochs: of the whole training.
        levels: Standard's values, as thin horizontal lines.
        height: pixels.
    """
    figure = empty_figure(height, "epoch", up)
    for look, history, read in lines:
        _line(figure, [epoch.epoch for epoch in history], [read(epoch) for epoch in history], look)
    for look, level in levels:
        figure.add_hline(y=level, line={"color": look.ink, "dash": "dot", "width": 1.8})
    _epochs(figure, epochs)
    if not levels and not any(history for _, history, _ in lines):
        figure.add_annotation(
            xref="paper", yref="paper", x=0.5, y=0.5, showarrow=False, text="not measured yet",
            font={"size": 14},
        )  # fmt: skip
        figure.update_yaxes(showticklabels=False, showgrid=False)
    return figure


def estimating(steps: Sequence[EstimatorStep], height: int = HEIGHT) -> go.Figure:
    """What the three estimators ascend, at every step of their training."""
    figure = empty_figure(height, "step", "ascended, nats")
    for name, look in ESTIMATED.items():
        _line(figure, [s.step for s in steps], [getattr(s, name) for s in steps], look, marks=False)
    optimised = [step.step for step in steps if step.stage == "optimised"]
    if optimised:
        figure.add_vline(
            x=optimised[0], line={"color": BASE, "dash": "dot", "width": 1.2}, annotation_text="Eq. 5",
            annotation_position="top left",
        )  # fmt: skip
    return figure


def radar(
    lines: Mapping[str, Floats], labels: Sequence[str], top: float, offset: float = 0.0, height: int = 320
) -> go.Figure:
    """Standard MI of one model under every attack, in nats above the offset.

    Args:
        lines: name → (attacks,), NaN where unknown.
        labels: names of the attacks.
        top: end of the axis, the same for the models that are compared.
        offset: nats of the centre, which the axis is labelled with.
        height: pixels.
    """
    figure = go.Figure()
    ticks = [top * part / 4 for part in range(5)] if top else [0.0]
    for name, values in lines.items():
        look, known = _RADAR[name], [at for at, value in enumerate(values) if math.isfinite(value)]
        ring = [*known, *known[:1]] if len(known) == len(labels) else known
        figure.add_scatterpolar(
            theta=[labels[at] for at in ring], r=[float(values[at]) for at in ring], mode="lines+markers",
            name=f"{look.title} {name}", line={"color": look.ink, "dash": look.dash, "width": 2.2},
            marker={"symbol": look.mark, "size": 8, "color": look.ink},
            hovertemplate="%{theta}: %{r:.3f} nats above the offset<extra>" + look.title + "</extra>",
        )  # fmt: skip
    figure.update_layout(
        height=height, showlegend=False, margin={"l": 50, "r": 50, "t": 26, "b": 26}, paper_bgcolor=_CLEAR,
        polar={
            "bgcolor": _CLEAR,
            "radialaxis": {
                "range": [0, 1.05 * top or 1], "angle": 90, "tickangle": 90, "tickvals": ticks,
                "ticktext": [f"{offset + tick:.2f}" for tick in ticks],
            },
            "angularaxis": {
                "direction": "clockwise", "rotation": 90, "type": "category", "period": len(labels),
                "categoryorder": "array", "categoryarray": list(labels),
            },
        },
    )  # fmt: skip
    return figure


def radar_looks() -> list[Style]:
    """For the legend of the radar."""
    return [
        Style(f"{look.title} {name}", look.ink, look.dash, look.mark, look.line, look.marker, look.pattern)
        for name, look in _RADAR.items()
    ]


def _line(
    figure: go.Figure, x: Sequence[float], y: Sequence[float], look: Style, *, marks: bool = True
) -> None:
    figure.add_scatter(
        x=list(x), y=list(y), name=look.title, mode="lines+markers" if marks else "lines",
        line={"color": look.ink, "dash": look.dash, "width": 2.2},
        marker={"symbol": look.mark, "size": 8, "color": look.ink}, hovertemplate="%{y:.3f}",
    )  # fmt: skip


def _epochs(figure: go.Figure, epochs: int) -> None:
    figure.update_xaxes(range=[0, 1.03 * epochs], dtick=max(1, epochs // 8))


def empty_figure(height: int, across: str, up: str) -> go.Figure:
    """Axes with their titles, pixels high, clear on any page."""
    figure = go.Figure()
    figure.update_layout(
        height=height, showlegend=False, hovermode="closest", paper_bgcolor=_CLEAR, plot_bgcolor=_CLEAR,
        margin={"l": 60, "r": 14, "t": 12, "b": 44 if across else 30},
        xaxis={"title": across, "zeroline": False}, yaxis={"title": up, "zeroline": False},
    )  # fmt: skip
    return figure
