"""A robustness study on the screen: accuracy under every attack, differences from baselines, and guards."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from advmi_core.figures.defence.screen import BASE, empty_figure
from advmi_core.figures.style import Style
from advmi_core.studies.robustness import Line, RobustnessResult
from advmi_core.studies.robustness.suite import GUARDS

HEIGHT = 300
# An ink a family; the baseline's mark is open, that of the defence built on it is filled.
_LOOKS = {
    "standard": ("#d55e00", "circle-open"), "namid": ("#d55e00", "circle"), "wmim": ("#b3689a", "star"),
    "trades": ("#2f8fcb", "square-open"), "namid-t": ("#2f8fcb", "square"),
    "mart": ("#009e73", "diamond-open"), "namid-m": ("#009e73", "diamond"),
    "namid-no-adversarial": ("#2f8fcb", "square"), "namid-no-natural": ("#009e73", "diamond"),
    "namid-no-penalty": ("#b3689a", "x"), "namid-first-stage": ("#7d838c", "triangle-up"),
}  # fmt: skip
_OTHER = ("#7d838c", "triangle-up-open")
_APART = 0.78  # of the distance between two attacks, shared by the rows


def looks(lines: Sequence[Line]) -> dict[str, Style]:
    """Row → its look, in the table's order."""
    return {line.row: _look(line) for line in lines}


def _look(line: Line) -> Style:
    ink, mark = _LOOKS.get(line.row, _OTHER)
    dash, pattern = ("dot", "2 4") if line.baseline is None else ("solid", "")
    return Style(line.title, ink, dash, mark, ":" if pattern else "-", "o", pattern)


def accuracies(lines: Sequence[Line], height: int = HEIGHT) -> go.Figure:
    """Accuracy in percent, a group of marks an attack, a mark a seed."""
    figure = empty_figure(height, "", "right, %")
    attacks, drawn = _attacks(lines), looks(lines)
    for at, (row, look) in enumerate(drawn.items()):
        mine = [line for line in lines if line.row == row]
        points = [
            (
                attacks.index(line.attack) + _aside(at, len(drawn)),
                100 * found.accuracy.value,
                line,
                found.seed,
            )
            for line in mine
            for found in line.seeds
        ]
        _marks(figure, look, points)
    _groups(figure, attacks)
    return figure


def differences(lines: Sequence[Line], height: int = HEIGHT) -> go.Figure:
    """Difference from the row's baseline in percentage points, a mark a seed, its paired 95 % interval."""
    figure = empty_figure(height, "", "against its baseline,<br>percentage points")
    attacks, compared = _attacks(lines), [line for line in lines if line.baseline is not None]
    drawn = {row: look for row, look in looks(lines).items() if any(line.row == row for line in compared)}
    for at, (row, look) in enumerate(drawn.items()):
        points, up, down = [], [], []
        for line in (line for line in compared if line.row == row):
            for place, found in enumerate(line.seeds):
                if (pairs := found.difference) is None:
                    continue
                aside = _aside(at, len(drawn)) + 0.05 * (place - (len(line.seeds) - 1) / 2)
                points.append((attacks.index(line.attack) + aside, 100 * pairs.mean, line, found.seed))
                up.append(100 * (pairs.high - pairs.mean))
                down.append(100 * (pairs.mean - pairs.low))
        _marks(figure, look, points, {"type": "data", "symmetric": False, "array": up, "arrayminus": down})
    figure.add_hline(y=0, line={"color": BASE, "dash": "dash", "width": 1.4})
    _groups(figure, attacks)
    return figure


def guards(result: RobustnessResult, height: int = HEIGHT) -> go.Figure | None:
    """Accuracy in percent under longer and longer PGD, a line a row (mean of the seeds); None without data.

    Each row on the images that all its guards have. A curve that still falls at its end, or one that rises
    before it, says that the gradient misleads the attack.
    """
    steps = [label for label in GUARDS if label in result.spec["images"]]
    if steps in ([], ["PGD-40"]):  # one point is no curve
        return None
    figure, images = empty_figure(height, "", "right, %"), min(result.spec["images"][step] for step in steps)
    for row, look in looks(result.table()).items():
        means = [
            100
            * float(np.mean([result.right[row, seed, step][:images].mean() for seed in result.spec["seeds"]]))
            for step in steps
        ]
        figure.add_scatter(
            x=steps, y=means, name=look.title, mode="lines+markers",
            line={"color": look.ink, "dash": look.dash, "width": 2},
            marker={"symbol": look.mark, "size": 9, "color": look.ink}, hovertemplate="%{y:.2f} %",
        )  # fmt: skip
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=steps)
    return figure


def _attacks(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(line.attack for line in lines))


def _aside(at: int, count: int) -> float:
    """Where a row's marks stand beside the middle of the group."""
    return _APART * ((at + 0.5) / count - 0.5)


def _marks(
    figure: go.Figure,
    look: Style,
    points: Sequence[tuple[float, float, Line, int]],
    whiskers: dict[str, object] | None = None,
) -> None:
    figure.add_scatter(
        x=[x for x, _, _, _ in points], y=[y for _, y, _, _ in points], mode="markers", name=look.title,
        marker={"symbol": look.mark, "size": 10, "color": look.ink, "line": {"width": 1.5}},
        error_y={**whiskers, "color": look.ink, "thickness": 1.6, "width": 4} if whiskers else None,
        customdata=[[line.attack, seed, line.images] for _, _, line, seed in points],
        hovertemplate="%{customdata[0]}, seed %{customdata[1]}: %{y:.2f} (%{customdata[2]} images)",
    )  # fmt: skip


def _groups(figure: go.Figure, attacks: Sequence[str]) -> None:
    figure.update_xaxes(
        tickvals=list(range(len(attacks))), ticktext=list(attacks), showgrid=False,
        range=[-0.5, max(0.5, len(attacks) - 0.5)],
    )  # fmt: skip
    for edge in range(1, len(attacks)):
        figure.add_vline(x=edge - 0.5, line={"color": BASE, "width": 0.4})
