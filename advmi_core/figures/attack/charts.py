"""Charts of one image's attack: its curves over the iterations, and the model's prediction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from advmi_core.figures.attack.trajectory import LOOP, Trajectory, loop_title
from advmi_core.figures.chart import Axis, Bars, Chart, Element, Grid, Line, Rule, Values
from advmi_core.figures.style import DASH, DOT, SOLID, Style

# Name of a curve → its look and its unit.
SERIES = {
    "criterion": (Style("Criterion f", "#d55e00", SOLID, "circle"), "≤ 0: adversarial"),
    "c": (Style("Dual variable c", "#b3689a", DASH, "square"), "weight of f⁺"),
    "kept": (Style("Information kept", "#2f8fcb", SOLID, "triangle-up"), "% of that in x"),
    "gap": (Style("Proximal gap", "#009e73", DOT, "diamond"), "0: stationary"),
}
_LOOP = "#6f8796"  # of what another number in the attack's loop says
_BEFORE, _AFTER = Style("x", "#777777", hatch="/"), Style("x̃", "#d55e00")
_TIPS = {"kept": "{y:.4g} %, {name} (iteration {x})"}
_SIZE = (6.0, 3.1)


def curves(trail: Trajectory) -> Grid:
    """Criterion, dual variable, information kept and proximal gap; zooming one zooms all."""
    charts = [_chart(trail, name) for name in SERIES]
    return Grid(charts=charts, columns=2, share_across=True, height=460)


def _chart(trail: Trajectory, name: str) -> Chart:
    style, unit = SERIES[name]
    values, steps = trail.curves[name], trail.curve_steps
    used = bool(np.isfinite(values).any())
    drawn: list[Element] = [
        Line(
            style=style,
            x=steps,
            y=values,
            marks=0,
            width=2,
            tips=_TIPS.get(name, "{y:.4g} (iteration {x})"),
            names=[f"{nats:.4g} nats" for nats in trail.curves["information"]],
            named=False,
        )
    ]
    loop = trail.curves[LOOP]
    beside = name == "kept" and bool(np.isfinite(loop).any())
    if beside:
        title = loop_title(trail.loop_term)
        look = Style(f"{title}, nats", _LOOP, DASH)
        drawn.append(
            Line(
                style=look, x=steps, y=loop, marks=0, width=1, right=True, tips="{y:.4g} nats (iteration {x})"
            )
        )
    if used and trail.best:
        drawn.append(Rule(x=trail.best, dash=DOT, width=1))
    if name == "criterion":
        drawn.append(Rule(y=0, width=0.8))
    below = "iteration (dotted: the kept one)" if trail.best else "iteration"
    return Chart(
        elements=drawn, title=style.title, hover="x", size=_SIZE, top=30,
        message="" if used else "not used by this attack",
        across=Axis(title=below if name in ("kept", "gap") else "", range=(1, max(2, trail.total))),
        up=Axis(title=unit, labelled=used), right=Axis() if beside else None,
        legend="above" if beside else "page",
    )  # fmt: skip


def prediction(classes: Sequence[str], before: Values, after: Values, truth: int) -> Chart:
    """Probabilities of all classes, before (hatched) and after (filled).

    Args:
        classes: n names.
        before, after: (n,) in [0,1].
        truth: the label.
    """
    drawn = [
        Bars(style=style, x=np.arange(len(classes)) + aside, y=values, width=0.38, lying=True)
        for style, values, aside in ((_BEFORE, before, -0.2), (_AFTER, after, 0.2))
    ]
    names = [f"{name} (true)" if at == truth else name for at, name in enumerate(classes)]
    return Chart(
        elements=drawn, across=Axis(title="probability", range=(0, 1)),
        up=Axis(ticks=tuple(enumerate(names)), range=(len(classes) - 0.5, -0.5), grid=False),
        size=(5.4, 0.34 * len(classes) + 1.2),
    )  # fmt: skip
