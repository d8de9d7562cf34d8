"""UAEs of one image, from all of the information to the least that was reached."""

from __future__ import annotations

from typing import Any

from advmi_core.attacks.core.records import AttackResult
from advmi_core.figures.attack import plane as figure
from advmi_core.figures.attack.text import reconstruction
from advmi_core.figures.text import number, percent
from advmi_core.studies.plane import PlaneResult, PlaneStep

_APART = 0.004  # shares that differ by less are one stop of the slider


def stops(found: AttackResult) -> list[int]:
    """The rows that are UAEs, from the one that keeps most to the one that keeps least."""
    kept = found.kept.tolist()
    uaes = [row for row, success in enumerate(found.success.tolist()) if success and kept[row] == kept[row]]
    chosen: list[int] = []
    for row in sorted(uaes, key=lambda row: kept[row]):  # the least of all is always one of them
        if not chosen or kept[row] - kept[chosen[-1]] >= _APART:
            chosen.append(row)
    return chosen[::-1]


def moment(step: PlaneStep) -> str:
    """Where a running attack stands, in words."""
    kept = step.kept[step.success == 1]
    return f"Now down to {percent(float(kept.min()))} of the information." if kept.size else ""


def complete(result: PlaneResult, rows: list[int]) -> dict[str, Any]:
    """What is said at every stop of the slider; ``rows`` are the ``stops``."""
    found, plane = result.found, result.plane
    shares = [float(found.kept[row]) for row in rows]
    verdicts = [reconstruction(found, row) for row in rows]
    weights = [weight for _, weight in plane.positions]
    return {
        "shares": [100 * share for share in shares],
        "labels": [percent(share) for share in shares],
        "verdicts": [[verdict.tone, verdict.title, verdict.text] for verdict in verdicts],
        "numbers": [[*figure.numbers(found, row), ["MI weight w", number(weights[row])]] for row in rows],
        "ends": _ends(result, shares),
    }


def _ends(result: PlaneResult, shares: list[float]) -> list[str]:
    """What stands below either end of the slider."""
    if not shares:
        return ["No picture was found from which Φ rebuilds x as well as from x itself.", ""]
    plane = result.plane
    budget = f"with ε = {number(plane.eps[0])} and {plane.steps} steps"
    return [f"{percent(shares[0])} may stay", f"at least {percent(shares[-1])} must stay, {budget}"]
