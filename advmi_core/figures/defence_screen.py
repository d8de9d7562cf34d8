"""A lesson in defence on the screen: its training, the radar, the split, and both kinds of estimators."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from advmi_core.defenses import DefenseStep, Epoch, EstimatorStep
from advmi_core.figures.defence import (
    ADVERSARIAL,
    EQUATIONS,
    NATURAL,
    QUANTITIES,
    WHOLE,
    Floats,
    Mean,
    Split,
)
from advmi_core.figures.defence_words import signed
from advmi_core.figures.sweep import Style
from advmi_core.figures.words import number

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
SUM = Style("Natural + adversarial", "#b3689a", "dashdot", "star", "-.", "*", "8 4 2 4")
_EQUATION_LOOKS = {"first": ("#2f8fcb", ""), "optimised": ("#d55e00", "/")}
Read = Callable[[Epoch], float]


def losses(steps: Sequence[DefenseStep], height: int = HEIGHT) -> go.Figure:
    """The parts of the loss at every record of one training."""
    figure = _figure(height, "epoch", "loss")
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
    figure = _figure(height, "epoch", up)
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
        figure.update_yaxes(showticklabels=False)
    return figure


def estimating(steps: Sequence[EstimatorStep], height: int = HEIGHT) -> go.Figure:
    """What the three estimators ascend, at every step of their training."""
    figure = _figure(height, "step", "ascended, nats")
    for name, look in ESTIMATED.items():
        _line(figure, [s.step for s in steps], [getattr(s, name) for s in steps], look, marks=False)
    optimised = [step.step for step in steps if step.stage == "optimised"]
    if optimised:
        figure.add_vline(
            x=optimised[0], line={"color": BASE, "dash": "dot", "width": 1.2}, annotation_text="Eq. 5",
            annotation_position="top left",
        )  # fmt: skip
    return figure


def radar(lines: Mapping[str, Floats], labels: Sequence[str], top: float, height: int = 320) -> go.Figure:
    """Standard MI of one model under every attack, in nats above the offset.

    Args:
        lines: name → (attacks,), NaN where unknown.
        labels: names of the attacks.
        top: end of the axis, the same for the models that are compared.
        height: pixels.
    """
    figure = go.Figure()
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
            "radialaxis": {"range": [0, 1.05 * top or 1], "nticks": 5, "angle": 90, "tickangle": 90},
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


def split(drawn: Sequence[Split], ends: tuple[float, float], height: int = 310) -> go.Figure:
    """Standard MI beside natural and adversarial MI, and the gap between the first and the others' sum.

    What is negative hangs below 0, so that the sum, which a mark shows, need not be the bar's end.

    Args:
        drawn: one an attack.
        ends: of the axis, the same for the models that are compared.
        height: pixels.
    """
    figure = _figure(height, "", "MI of x̃, nats")
    labels, places = [one.attack for one in drawn], list(range(len(drawn)))
    above = [one.natural if one.natural * one.adversarial > 0 else 0.0 for one in drawn]
    nothing, lift = [0.0] * len(drawn), 0.03 * (ends[1] - ends[0])  # of the numbers, above the marks
    for look, pattern, base, values, aside in (
        (WHOLE, "", nothing, [one.standard for one in drawn], -0.2),
        (NATURAL, "/", nothing, [one.natural for one in drawn], 0.2),
        (ADVERSARIAL, "x", above, [one.adversarial for one in drawn], 0.2),
    ):
        figure.add_bar(
            x=[at + aside for at in places], y=values, base=base, width=0.36, name=look.title,
            customdata=list(zip(labels, map(number, values), strict=True)), marker=_fill(look.ink, pattern),
            hovertemplate="%{customdata[0]}: %{customdata[1]} nats<extra>" + look.title + "</extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=[at + 0.2 for at in places], y=[one.natural + one.adversarial for one in drawn], mode="markers",
        name=SUM.title, marker={"symbol": SUM.mark, "size": 13, "color": SUM.ink, "line": {"width": 1}},
        hovertemplate="%{y:.3f} nats<extra>" + SUM.title + "</extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=places, y=[_tops(one) + lift for one in drawn], text=[signed(one.gap.value) for one in drawn],
        mode="text", textposition="top center", textfont={"size": 13}, hoverinfo="skip", cliponaxis=False,
        name="gap",
    )  # fmt: skip
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(tickvals=places, ticktext=labels, range=[-0.6, max(0.6, len(drawn) - 0.4)])
    figure.update_yaxes(range=list(ends), zeroline=True)
    return figure


def _tops(one: Split) -> float:
    """The upper end of what is drawn of one attack."""
    return max(one.standard, 0.0, one.natural, one.adversarial, one.natural + one.adversarial)


def split_ends(drawn: Sequence[Split]) -> tuple[float, float]:
    """An axis on which all of these fit, with room for the gaps."""
    lows = [min(one.standard, one.natural, one.adversarial, one.natural + one.adversarial) for one in drawn]
    low, high = min(0.0, *lows), max(map(_tops, drawn))
    room = 0.18 * (high - low or 1.0)
    return low - (0.3 * room if low < 0 else 0), high + room


def equations(found: Mapping[str, Mapping[str, Mean]], height: int = 320) -> go.Figure:
    """Natural and adversarial MI by the estimators of Eq. 4 beside those of Eq. 5, with 95 % intervals."""
    figure = _figure(height, "", "mean MI, nats")
    for stage, means in found.items():
        ink, pattern = _EQUATION_LOOKS[stage]
        values = [means[name].value for name in QUANTITIES]
        halves = [means[name].half for name in QUANTITIES]
        figure.add_bar(
            x=list(QUANTITIES.values()), y=values, name=EQUATIONS[stage], marker=_fill(ink, pattern),
            error_y={"type": "data", "array": halves, "thickness": 1.6, "width": 5, "color": BASE},
            hovertemplate="%{x}: %{y:.3f} nats<extra>" + EQUATIONS[stage] + "</extra>",
        )  # fmt: skip
    figure.update_layout(
        barmode="group", showlegend=True, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}
    )
    figure.update_yaxes(zeroline=True)
    return figure


def _fill(ink: str, pattern: str) -> dict[str, object]:
    return {
        "color": ink, "line": {"color": ink, "width": 1},
        "pattern": {"shape": pattern, "fillmode": "replace", "size": 7},
    }  # fmt: skip


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


def _figure(height: int, across: str, up: str) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        height=height, showlegend=False, hovermode="closest", paper_bgcolor=_CLEAR, plot_bgcolor=_CLEAR,
        margin={"l": 60, "r": 14, "t": 12, "b": 44 if across else 30},
        xaxis={"title": across, "zeroline": False}, yaxis={"title": up, "zeroline": False},
    )  # fmt: skip
    return figure
