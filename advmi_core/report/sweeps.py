"""Page of the attacks: every sweep that AdvMI ships, and its methods image by image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from advmi_core.evaluation import Paired, compare
from advmi_core.experiments.store import Info
from advmi_core.figures.sweep import table as sweep_table
from advmi_core.figures.sweep.series import Point, lines, title
from advmi_core.figures.text import signed
from advmi_core.report.markdown import made_by, page, section, table
from advmi_core.studies.sweep import PRESETS, SweepResult, load, runs

_SAID = (
    "Paired over the images on which both succeed, at ε = {at:g}, or at its own where a method has but one; "
    "mean difference [95 % interval], ● without 0:"
)
_PAIRED = {
    "kept": ("information kept, points", 100.0, 2),
    "mi": ("MI, nats", 1.0, 3),
    "l2": ("L2", 1.0, 3),
    "ssim": ("SSIM", 1.0, 3),
}


def attacks() -> str:
    """The page."""
    shipped = [info for info in runs() if info.shipped and info.complete]
    return page(
        "Attacks",
        "What attacks reach over ε. Only images that the model gets right are counted. The information kept, "
        "MI by InfoNCE, distances and queries are means over the successes, ± the standard deviation of the "
        "images. See [reading the numbers](../guide/numbers.md).",
        *(_sweep(info) for info in shipped),
    )


def _sweep(info: Info) -> str:
    result = load(info.folder)
    spec = result.spec
    shown = points(result)
    at, beside = _side_by_side(shown)
    compared = differences(beside)
    return section(
        f"Sweep {info.kind}: {spec['model']} on {spec['dataset']}, {spec['n']} {spec['split']} images",
        table(sweep_table.rows(shown)),
        _SAID.format(at=at) if compared else "",
        table(compared),
        _settings(spec),
        made_by(_command(info)),
    )


def _settings(spec: dict[str, Any]) -> str:
    """The attack and the parameters behind every method's name; all others have their defaults."""
    said = []
    for method in spec["methods"]:
        changed = ", ".join(f"{name} = {value}" for name, value in method["parameters"].items())
        said.append(f"{title(method['name'])} is `{method['attack']}` with {changed or 'its defaults'}")
    return f"{'; '.join(said)}."


def _command(info: Info) -> str:
    preset, n = PRESETS.get(info.kind), info.spec["n"]
    size = "" if preset is None or preset.n == n else f" --n {n}"
    return f"advmi sweep --preset {info.kind}{size}"


def points(result: SweepResult) -> list[Point]:
    """Every cell of which something was measured, in the sweep's order; seconds are left out.

    How long it took says something about one machine on one day.
    """
    return [
        Point(
            id=cell.id, method=cell.method, eps=cell.eps, summary=summary, table=result.tables[cell],
            seconds=math.nan,
        )
        for cell, summary in result.table()
    ]  # fmt: skip


def _side_by_side(shown: Sequence[Point]) -> tuple[float, list[Point]]:
    """The middle ε, and one point a method: at this ε, or the only one that it has."""
    several = [mine for mine in lines(shown).values() if len(mine) > 1] or list(lines(shown).values())
    radii = sorted({point.eps for mine in several for point in mine})
    at = radii[len(radii) // 2]
    chosen = [
        next((point for point in mine if point.eps == at or len(mine) == 1), None)
        for mine in lines(shown).values()
    ]
    return at, [point for point in chosen if point is not None]


def differences(shown: Sequence[Point]) -> list[dict[str, str]]:
    """One line a pair of methods."""
    said = []
    for first, second in combinations(shown, 2):
        found = vars(compare(first.table, second.table))
        line = {
            "difference": f"{title(first.method)} − {title(second.method)}",
            "images": f"{found['images']}",
        }
        for name, (heading, scale, digits) in _PAIRED.items():
            if name in found:
                line[heading] = _interval(found[name], scale, digits)
        said.append(line)
    return said


def _interval(pairs: Paired, scale: float, digits: int) -> str:
    if not math.isfinite(pairs.low):
        return "–"
    mean, low, high = (signed(scale * value, digits) for value in (pairs.mean, pairs.low, pairs.high))
    return f"{mean} [{low}, {high}]" + (" ●" if pairs.low > 0 or pairs.high < 0 else "")
