"""A defence study as bars: the split of standard MI, and both kinds of estimators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from advmi_core.figures.defence.screen import BASE, empty_figure
from advmi_core.figures.defence.series import (
    ADVERSARIAL,
    EQUATIONS,
    NATURAL,
    QUANTITIES,
    WHOLE,
    Mean,
    Split,
)
from advmi_core.figures.defence.text import signed
from advmi_core.figures.style import Style
from advmi_core.figures.text import number

SUM = Style("Natural + adversarial", "#b3689a", "dashdot", "star", "-.", "*", "8 4 2 4")
_EQUATION_LOOKS = {"first": ("#2f8fcb", ""), "optimised": ("#d55e00", "/")}


def split(drawn: Sequence[Split], ends: tuple[float, float], height: int = 310) -> go.Figure:
    """Standard MI beside natural and adversarial MI, and the gap between the first and the others' sum.

    What is negative hangs below 0, so that the sum, which a mark shows, need not be the bar's end.

    Args:
        drawn: one an attack.
        ends: of the axis, the same for the models that are compared.
        height: pixels.
    """
    figure = empty_figure(height, "", "MI of x̃, nats")
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
    figure = empty_figure(height, "", "mean MI, nats")
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
