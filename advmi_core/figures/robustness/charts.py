"""Charts of a robustness study: accuracy under every attack, differences from baselines, and guards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from advmi_core.figures import style as styles
from advmi_core.figures.chart import Axis, Chart, Element, Line, Points, Rule
from advmi_core.figures.style import DASH, DOT, SOLID, Style
from advmi_core.studies.robustness import Line as Row
from advmi_core.studies.robustness import RobustnessResult, SeedLine
from advmi_core.studies.robustness.suite import GUARDS

# An ink a family; the baseline's mark is open, that of the defence built on it is filled.
_LOOKS = {
    row: Style("", ink, mark=mark)
    for row, (ink, mark) in {
        "standard": ("#d55e00", "circle-open"), "namid": ("#d55e00", "circle"), "wmim": ("#b3689a", "star"),
        "trades": ("#2f8fcb", "square-open"), "namid-t": ("#2f8fcb", "square"),
        "mart": ("#009e73", "diamond-open"), "namid-m": ("#009e73", "diamond"),
        "namid-no-adversarial": ("#2f8fcb", "square"), "namid-no-natural": ("#009e73", "diamond"),
        "namid-no-penalty": ("#b3689a", "x"), "namid-first-stage": ("#7d838c", "triangle-up"),
    }.items()
}  # fmt: skip
_APART = 0.78  # of the distance between two attacks, shared by the rows
_SIZE = (7.6, 3.6)


def looks(lines: Sequence[Row]) -> dict[str, Style]:
    """Row → its look, in the table's order."""
    rows = {line.row: line for line in lines}
    return {
        row: replace(look, title=rows[row].title, dash=DOT if rows[row].baseline is None else SOLID)
        for row, look in styles.looks(rows, _LOOKS).items()
    }


def accuracies(lines: Sequence[Row]) -> Chart:
    """Accuracy in percent, a group of marks an attack, a mark a seed."""
    attacks, drawn = _attacks(lines), looks(lines)
    marks: list[Element] = []
    for at, (row, look) in enumerate(drawn.items()):
        found = [(line, seed) for line in lines if line.row == row for seed in line.seeds]
        y = [100 * seed.accuracy.value for _, seed in found]
        marks.append(Points(
            style=look, x=[attacks.index(line.attack) + _aside(at, len(drawn)) for line, _ in found], y=y,
            size=10, tips=_tips(found, y),
        ))  # fmt: skip
    return _grouped(marks, attacks, "right, %")


def differences(lines: Sequence[Row]) -> Chart:
    """Difference from the row's baseline in percentage points, a mark a seed, its paired 95 % interval."""
    attacks, compared = _attacks(lines), [line for line in lines if line.baseline is not None]
    drawn = {row: look for row, look in looks(lines).items() if any(line.row == row for line in compared)}
    marks: list[Element] = []
    for at, (row, look) in enumerate(drawn.items()):
        x, found, pairs = [], [], []
        for line in (line for line in compared if line.row == row):
            for place, seed in enumerate(line.seeds):
                if seed.difference is not None:
                    aside = _aside(at, len(drawn)) + 0.05 * (place - (len(line.seeds) - 1) / 2)
                    x.append(attacks.index(line.attack) + aside)
                    found.append((line, seed))
                    pairs.append(seed.difference.times(100))
        y = [pair.mean for pair in pairs]
        marks.append(Points(
            style=look, x=x, y=y, y_ends=([p.low for p in pairs], [p.high for p in pairs]), size=10,
            tips=_tips(found, y),
        ))  # fmt: skip
    return _grouped([*marks, Rule(y=0, dash=DASH)], attacks, "against its baseline,\npercentage points")


def guards(result: RobustnessResult) -> Chart | None:
    """Accuracy in percent under longer and longer PGD, a line a row (mean of the seeds); None without data.

    Each row on the images that all its guards have. A curve that still falls at its end, or one that rises
    before it, says that the gradient misleads the attack.
    """
    steps = [label for label in GUARDS if label in result.spec["images"]]
    if steps in ([], ["PGD-40"]):  # one point is no curve
        return None
    images, seeds = min(result.spec["images"][step] for step in steps), result.spec["seeds"]
    drawn = []
    for row, look in looks(result.table()).items():
        means = [
            100 * float(np.mean([result.right[row, seed, step][:images].mean() for seed in seeds]))
            for step in steps
        ]
        drawn.append(Line(style=look, x=list(range(len(steps))), y=means, size=9, tips="{y:.2f} %"))
    return Chart(
        elements=drawn, across=Axis(ticks=tuple(enumerate(steps))), up=Axis(title="right, %"), size=_SIZE
    )  # fmt: skip


def _attacks(lines: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(line.attack for line in lines))


def _aside(at: int, count: int) -> float:
    """Where a row's marks stand beside the middle of the group."""
    return _APART * ((at + 0.5) / count - 0.5)


def _tips(found: Sequence[tuple[Row, SeedLine]], y: Sequence[float]) -> list[str]:
    return [
        f"{line.attack}, seed {seed.seed}: {value:.2f} ({line.images} images)"
        for (line, seed), value in zip(found, y, strict=True)
    ]


def _grouped(marks: Sequence[Element], attacks: Sequence[str], up: str) -> Chart:
    """A group an attack, thin lines between them."""
    edges = [Rule(x=edge - 0.5, width=0.4) for edge in range(1, len(attacks))]
    across = Axis(ticks=tuple(enumerate(attacks)), grid=False, range=(-0.5, max(0.5, len(attacks) - 0.5)))
    return Chart(elements=[*edges, *marks], across=across, up=Axis(title=up), size=_SIZE)
