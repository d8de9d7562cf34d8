"""Charts of a defence study: its training, the radar of attacks, the split of MI, and the estimators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter

import numpy as np

from advmi_core.defenses import DefenseStep, Epoch, EstimatorStep
from advmi_core.evaluation import Paired
from advmi_core.figures.chart import (
    Axis,
    Bars,
    Chart,
    Element,
    Grid,
    Line,
    Points,
    Radar,
    Rule,
    Words,
    titled,
)
from advmi_core.figures.defence import series
from advmi_core.figures.defence.series import (
    ADVERSARIAL,
    EQUATIONS,
    NATURAL,
    QUANTITIES,
    WHOLE,
    Floats,
    Split,
    names,
)
from advmi_core.figures.style import DASH, DASHDOT, DOT, SOLID, Style
from advmi_core.figures.text import signed
from advmi_core.studies.defence import DefenceStudyResult
from advmi_core.studies.defence.records import DEFENCE, STANDARD

HEIGHT = 225
OF_X = Style("of x", "#7d838c", DASH, "square")
OF_ADV = Style("of x̃", "#d55e00", SOLID, "circle")
_LOSSES = {
    "loss": Style("L", "#7d838c", SOLID, "circle"),
    "base": Style("L_adv", "#009e73", DASH, "square"),
    "information": Style("L_mi", "#b3689a", DOT, "diamond"),
}
_RADAR = {
    "I(x; h(x))": Style("standard MI of x I(x; h(x))", "#009e73", DOT, "diamond"),
    "I(x̃; h(x̃))": Style("standard MI of x̃ I(x̃; h(x̃))", "#d55e00", SOLID, "circle"),
    "I(x; h(x̃))": Style("natural MI of x̃ I(x; h(x̃))", "#2f8fcb", DASH, "square"),
}
_ESTIMATED = {
    "natural": replace(NATURAL, title="e_n"),
    "adversarial": replace(ADVERSARIAL, title="e_a"),
    "standard": replace(WHOLE, title="standard"),
}
_SUM = Style("Natural + adversarial", "#b3689a", DASHDOT, "star")
_EQUATION_LOOKS = {"first": ("#2f8fcb", ""), "optimised": ("#d55e00", "/")}
INFORMATION = ("natural", "adversarial")
Read = Callable[[Epoch], float]


def training(result: DefenceStudyResult, stage: str) -> Grid:
    """Loss and accuracy of one training, and the MI of the defence's, for a figure that stands alone."""
    name = names(result)[stage]
    charts = [
        titled(losses(result, stage), f"Loss of {name}"),
        titled(accuracy(result, stage), f"Accuracy of {name}, %"),
        *(titled(information(result, what), f"{what.capitalize()} MI, nats") for what in INFORMATION),
    ]
    return Grid(charts=charts, columns=2)


def losses(result: DefenceStudyResult, stage: str) -> Chart:
    """The parts of the loss at every record of one training."""
    steps = sorted(result.training(stage), key=_when)
    marks, drawn = 1000 if len(steps) < 12 else 0, []
    for name, look in _LOSSES.items():
        values = [getattr(step.parts, name) for step in steps]
        if np.isfinite(values).any():
            drawn.append(_line([_when(step) for step in steps], values, look, marks))
    epochs = _epochs(steps[0].epochs if steps else 1)
    return Chart(elements=drawn, across=epochs, up=Axis(title="loss"), height=HEIGHT)


def _when(step: DefenseStep) -> float:
    return step.epochs * step.step / step.total


def accuracy(result: DefenceStudyResult, stage: str) -> Chart:
    """Right answers on the validation images and their x̃ after every epoch; levels: Standard's kept epoch."""
    kept = result.kept(STANDARD) if stage == DEFENCE else None
    return _over_epochs(
        result, stage, lambda e: 100 * e.clean, lambda e: 100 * e.robust, kept,
        Axis(title="right, %", range=(0, 100), ticks=tuple((at, str(at)) for at in range(0, 101, 20))),
    )  # fmt: skip


def information(result: DefenceStudyResult, name: str) -> Chart:
    """Natural or adversarial MI of the validation images after every epoch; levels: the Standard model's.

    Args:
        result: so far.
        name: one of ``INFORMATION``.
    """
    of_x, of_adv = (attrgetter(f"{name}_{side}") for side in ("x", "adv"))
    return _over_epochs(
        result, DEFENCE, of_x, of_adv, result.reference, Axis(title=f"{name.capitalize()} MI, nats")
    )  # fmt: skip


def _over_epochs(
    result: DefenceStudyResult, stage: str, of_x: Read, of_adv: Read, level: Epoch | None, up: Axis
) -> Chart:
    """Something of x and of x̃ over the epochs of a training, and the level that it is compared with."""
    history = result.history(stage)
    drawn: list[Element] = []
    for look, read in ((OF_X, of_x), (OF_ADV, of_adv)):
        drawn.append(_line([epoch.epoch for epoch in history], [read(epoch) for epoch in history], look))
        if level is not None:
            drawn.append(Rule(y=read(level), ink=look.ink, dash=DOT, width=1.8))
    nothing = level is None and not history
    return Chart(
        elements=drawn, across=_epochs(result.lesson.epochs), height=HEIGHT,
        message="not measured yet" if nothing else "",
        up=replace(up, labelled=False, grid=False) if nothing else up,
    )  # fmt: skip


def estimating(steps: Sequence[EstimatorStep]) -> Chart:
    """What the three estimators ascend, at every step of their training."""
    drawn: list[Element] = [
        _line([s.step for s in steps], [getattr(s, name) for s in steps], look, marks=0)
        for name, look in _ESTIMATED.items()
    ]
    optimised = [step.step for step in steps if step.stage == "optimised"]
    if optimised:
        drawn.append(Rule(x=optimised[0], dash=DOT, width=1.2, label="Eq. 5"))
    return Chart(
        elements=drawn, across=Axis(title="step"), up=Axis(title="ascended, nats"), height=HEIGHT
    )  # fmt: skip


def radars(result: DefenceStudyResult) -> dict[str, Chart]:
    """Model → its radar, both with the same axis."""
    lines, labels, offset = series.radar(result)
    known = [float(v) for mine in lines.values() for values in mine.values() for v in values if v == v]
    return {model: radar(mine, labels, max(known, default=0.0), offset) for model, mine in lines.items()}


def radar(lines: Mapping[str, Floats], labels: Sequence[str], top: float, offset: float = 0.0) -> Chart:
    """Standard MI of one model under every attack, in nats above the offset.

    Args:
        lines: name → (attacks,), NaN where unknown.
        labels: names of the attacks.
        top: end of the axis, the same for the models that are compared.
        offset: nats of the centre, which the axis is labelled with.
    """
    ticks = [top * part / 4 for part in range(5)] if top else [0.0]
    drawn = [
        Radar(
            style=_RADAR[name], values=values,
            tips=[
                f"{label}: {value:.3f} nats above the offset"
                for label, value in zip(labels, values, strict=True)
            ],
        )
        for name, values in lines.items()
    ]  # fmt: skip
    axis = Axis(range=(0, 1.05 * top or 1), ticks=tuple((tick, f"{offset + tick:.2f}") for tick in ticks))
    return Chart(elements=drawn, up=axis, spokes=labels, height=320, size=(4.4, 4.6))


def splits(result: DefenceStudyResult) -> dict[str, Chart]:
    """Model → its split, both with the same axis."""
    both = {model: series.splits(result, model) for model in names(result)}
    ends = split_ends([one for mine in both.values() for one in mine])
    return {model: split(mine, ends) for model, mine in both.items()}


def split(drawn: Sequence[Split], ends: tuple[float, float]) -> Chart:
    """Standard MI beside natural and adversarial MI, and the gap between the first and the others' sum.

    What is negative hangs below 0, so that the sum, which a mark shows, need not be the bar's end.

    Args:
        drawn: one an attack.
        ends: of the axis, the same for the models that are compared.
    """
    places = np.arange(len(drawn), dtype=np.float64)
    above = [one.natural if one.natural * one.adversarial > 0 else 0.0 for one in drawn]
    sums = [one.natural + one.adversarial for one in drawn]
    lift = 0.03 * (ends[1] - ends[0])  # of the numbers, above the marks
    elements: list[Element] = [
        Bars(
            style=look, x=places + aside, y=values, width=0.36, base=base,
            tips="{name}: {y:.3g} nats", names=[one.attack for one in drawn],
        )
        for look, base, values, aside in (
            (WHOLE, None, [one.standard for one in drawn], -0.2),
            (NATURAL, None, [one.natural for one in drawn], 0.2),
            (ADVERSARIAL, above, [one.adversarial for one in drawn], 0.2),
        )
    ]  # fmt: skip
    elements.append(Points(style=_SUM, x=places + 0.2, y=sums, size=13, tips="{y:.3f} nats"))
    gaps = [signed(one.gap.mean) for one in drawn]
    elements.append(Words(x=places, y=[_tops(one) + lift for one in drawn], texts=gaps))
    ticks = tuple((at, one.attack) for at, one in enumerate(drawn))
    return Chart(
        elements=elements, height=310,
        across=Axis(ticks=ticks, range=(-0.6, max(0.6, len(drawn) - 0.4)), grid=False),
        up=Axis(title="MI of x̃, nats", range=ends, zero_line=True),
    )  # fmt: skip


def _tops(one: Split) -> float:
    """The upper end of what is drawn of one attack."""
    return max(one.standard, 0.0, one.natural, one.adversarial, one.natural + one.adversarial)


def split_ends(drawn: Sequence[Split]) -> tuple[float, float]:
    """An axis on which all of these fit, with room for the gaps."""
    lows = [min(one.standard, one.natural, one.adversarial, one.natural + one.adversarial) for one in drawn]
    low, high = min(0.0, *lows), max(map(_tops, drawn))
    room = 0.18 * (high - low or 1.0)
    return low - (0.3 * room if low < 0 else 0), high + room


def equations(found: Mapping[str, Mapping[str, Paired]]) -> Chart:
    """Natural and adversarial MI by the estimators of Eq. 4 beside those of Eq. 5, with 95 % intervals."""
    drawn = []
    for at, (stage, means) in enumerate(found.items()):
        ink, hatch = _EQUATION_LOOKS[stage]
        seen = [means[name] for name in QUANTITIES]
        drawn.append(Bars(
            style=Style(EQUATIONS[stage], ink, hatch=hatch), y=[mean.mean for mean in seen], width=0.36,
            x=np.arange(len(seen)) + (0.4 * at - 0.2), y_ends=([m.low for m in seen], [m.high for m in seen]),
            tips="{name}: {y:.3f} nats", names=list(QUANTITIES.values()),
        ))  # fmt: skip
    return Chart(
        elements=drawn, across=Axis(ticks=tuple(enumerate(QUANTITIES.values())), grid=False), legend="above",
        up=Axis(title="mean MI, nats", zero_line=True), height=320, size=(6.4, 3.9),
    )  # fmt: skip


def _line(x: Sequence[float], y: Sequence[float], look: Style, marks: int = 1000) -> Line:
    return Line(style=look, x=x, y=y, marks=marks, tips="{y:.3f}")


def _epochs(epochs: int) -> Axis:
    every = max(1, epochs // 8)
    ticks = tuple((at, str(at)) for at in range(0, epochs + 1, every))
    return Axis(title="epoch", range=(0, 1.03 * epochs), ticks=ticks)
