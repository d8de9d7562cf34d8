"""The search for the strength of UAEs (`benchmarks/uae_search.py`) in words and lines."""

from __future__ import annotations

import math
from typing import Any

from advmi_core.evaluation import Paired
from advmi_core.figures.autoencoders.series import SCALE, of_model, title
from advmi_core.figures.text import difference, fixed

KEYS = {"command", "settings"}
_NAMES = {
    "mi_weight": "weight w",
    "alpha": "step α",
    "start": "start ±",
    "inner": "critic steps",
    "warmup": "warm-up",
    "steps": "iterations",
    "share": "share mixed in",
    "only_successful": "only successes",
    "targets": "target",
    "noise": "length of the noise",
    "n": "images",
}
_NUMBERS = {"loss", "minus_original", "minus_gaussian", "asr", "l2", "moved_share", "chosen", "seeds"}
_TARGETS = {"self": "x̃ itself", "original": "x"}

Line = dict[str, Any]


def fits(table: dict[str, Any]) -> bool:
    """Whether a table has all that is shown here."""
    wanted = {*_NUMBERS, "model", "row", "varied"}
    return all(wanted <= line.keys() and line["varied"] in _NAMES.keys() & line for line in table["settings"])


def searches(table: dict[str, Any]) -> dict[str, list[Line]]:
    """Title → the settings of one kind of UAE for one autoencoder."""
    found: dict[str, list[Line]] = {}
    for line in table["settings"]:
        found.setdefault(f"{of_model(line['model']).capitalize()}, {title(line['row'])}", []).append(line)
    return found


def caption(table: dict[str, Any], lines: list[Line]) -> str:
    """What was kept and why, what the numbers are, and the command that made them."""
    kept = (
        "the loss nearest to that of the solver's UAEs with target x"
        if "wanted" in lines[0]
        else "the lowest loss among values whose UAEs the optimisation moved at least as far as their random "
        "start, at least half of them successes"
    )
    return (
        f"One parameter at a time; ★ was kept: {kept}. Losses in 10⁻³ squared "
        "error per pixel on training images that no training saw, equal gradient steps, "
        f"{lines[0]['seeds']} seeds; ● marks an interval without 0. Made by `{table['command']}`."
    )


def rows(lines: list[Line]) -> list[dict[str, str]]:
    """One line a setting that was tried, what was kept marked by ★."""
    return [_row(line) for line in lines]


def said(lines: list[Line]) -> tuple[str, str]:
    """Heading and text about all settings of a search; what is kept is tried again with every parameter."""
    if "wanted" in lines[0]:
        return _nearest(lines)
    different = {tuple(line.get(name) for name in _NAMES): line for line in lines}.values()
    signs = [pairs.sign for line in different if (pairs := _pairs(line["minus_gaussian"]))]
    better, worse = signs.count(-1), signs.count(1)
    verb = "beats" if better == 1 else "beat"
    heading = f"{better or 'None'} of {len(signs)} settings clearly {verb} Gaussian noise"
    text = (
        f"{worse or 'None'} clearly {'does' if worse == 1 else 'do'} worse than noise of the same length. "
        "Of so many 95 % intervals about one in twenty misses 0 by chance."
    )
    moved = [line["moved_share"] for line in lines if line["moved_share"] is not None]
    if moved:
        text += f" The optimisation's share of a UAE: {fixed(min(moved))} to {fixed(max(moved))}."
    return heading, text


def _nearest(lines: list[Line]) -> tuple[str, str]:
    """The same for noise that is to cost as much as the solver's UAEs."""
    best, wanted = next(line for line in lines if line["chosen"]), lines[0]["wanted"]
    heading = f"Noise {best['noise']:g} times as long as the UAEs comes nearest to their loss"
    text = f"{SCALE * best['loss']:.3f} against {SCALE * wanted:.3f} of the solver's UAEs with target x."
    if all(line["loss"] < wanted for line in lines):
        text += " At every length that was tried noise costs less."
    return heading, text


def _row(line: Line) -> dict[str, str]:
    return {
        "★": "★" if line["chosen"] else "",
        "varied": _NAMES[str(line["varied"])],
        "value": _value(line[line["varied"]]),
        "loss": f"{SCALE * line['loss']:.3f}",
        "− original [95 %]": difference(_pairs(line["minus_original"]), SCALE, 3, mark=True),
        "− Gaussian [95 %]": difference(_pairs(line["minus_gaussian"]), SCALE, 3, mark=True),
        "success, %": fixed(100 * _number(line["asr"]), 0),
        "L2": fixed(_number(line["l2"])),
        "moved share": fixed(_number(line["moved_share"])),
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _TARGETS[value] if isinstance(value, str) else f"{value:g}"


def _pairs(ends: list[float | None]) -> Paired | None:
    """[mean, low, high]; None where one is not known."""
    known = [end for end in ends if end is not None and math.isfinite(end)]
    return Paired(0, *known) if len(known) == len(ends) == 3 else None
