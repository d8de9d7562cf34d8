"""A robustness study in words, and how its models were trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from advmi_core.defenses import DEFENSES
from advmi_core.evaluation import Paired
from advmi_core.figures.text import Tone, difference
from advmi_core.studies.robustness import KINDS, Line, RobustnessResult
from advmi_core.studies.robustness.suite import AUTOATTACK

CLAIMED = "PGD-40"
"""The column that a claim is made on: on 10,000 images, unlike AutoAttack, and in every table."""
_PARAMETERS = {"alpha": "α", "penalty": "λ", "wmim_weight": "w"}


def verdict(result: RobustnessResult) -> tuple[Tone, str, str]:
    """Tone, heading and text: each row against its baseline under ``CLAIMED``, seed by seed.

    A row is called more (less) robust only where the 95 % interval of every seed says so.
    """
    lines = [line for line in result.table() if line.attack == CLAIMED and line.baseline is not None]
    if not lines:
        return "note", f"No row was compared under {CLAIMED}", "Each row is compared with its baseline."
    directions = {line.title: direction(line) for line in lines}
    better = [title for title, sign in directions.items() if sign > 0]
    worse = [title for title, sign in directions.items() if sign < 0]
    torn = [line.title for line in lines if _disagree(line)]
    text = f"{CLAIMED}, percentage points [95\u00a0%], a seed after the other. " + "; ".join(
        f"{line.title} − {line.baseline}: {_seeds(line)}" for line in lines
    )
    heading = _heading(better, worse, torn, [line.title for line in lines])
    return _tone(better, worse), heading, f"{text}."


def beside_autoattack(result: RobustnessResult) -> str:
    """How ``CLAIMED`` does on AutoAttack's images, where they are fewer; "" otherwise, and while images miss.

    Without it a column of other images looks like a weaker attack.
    """
    images = result.spec["images"]
    few = images.get(AUTOATTACK, 0)
    if not result.complete or not 0 < few < images.get(CLAIMED, 0):
        return ""
    means = []
    for line in (line for line in result.table() if line.attack == AUTOATTACK):
        right = [result.right[line.row, found.seed, CLAIMED][:few] for found in line.seeds]
        means.append(f"{line.title} {100 * float(np.mean(right)):.2f}")
    return f"On the {few} images of {AUTOATTACK}, {CLAIMED} leaves right, %: {', '.join(means)}."


def direction(line: Line) -> int:
    """1 more robust than the baseline in every seed, −1 less, 0 where an interval holds 0 or seeds differ."""
    pairs = _pairs(line)
    if not pairs:
        return 0
    return int(all(each.sign > 0 for each in pairs)) - int(all(each.sign < 0 for each in pairs))


def _disagree(line: Line) -> bool:
    """One seed is clearly more robust than its baseline, another clearly less."""
    pairs = _pairs(line)
    return any(each.sign > 0 for each in pairs) and any(each.sign < 0 for each in pairs)


def _pairs(line: Line) -> list[Paired]:
    return [found.difference for found in line.seeds if found.difference is not None]


def trained(result: RobustnessResult) -> str:
    """How the models of a table were trained, in a sentence or two."""
    cards: dict[str, dict[str, Any]] = result.spec["trained"]
    first = next(iter(cards.values()))
    spec = first["spec"]
    budget = (
        f"{result.spec['model']} on {first['images']} images of {result.spec['dataset']}, "
        f"{spec['epochs']} epochs, batch {spec['batch']}, ε {spec['eps']:g} in {spec['norm']}, "
        f"PGD-{spec['steps']} in training; the best epoch on validation images was kept."
        if {"epochs", "batch", "eps", "norm", "steps"} <= spec.keys()
        else f"{result.spec['model']} on {result.spec['dataset']}."
    )
    weights = "; ".join(_weights(result))
    return f"{budget} {weights}." if weights else budget


def _weights(result: RobustnessResult) -> Iterator[str]:
    said: dict[str, list[str]] = {}
    for row in result.spec["rows"]:
        variant = KINDS[result.spec["kind"]][row]
        spec = result.spec["trained"][f"{row}/{result.spec['seeds'][0]}"]["spec"]
        names = [
            name for name in DEFENSES[variant.defense].parameters if name in _PARAMETERS and name in spec
        ]
        words = ", ".join(f"{_PARAMETERS[name]} = {spec[name]:g}" for name in names)
        if words:
            said.setdefault(words, []).append(variant.title)
    for words, titles in said.items():
        yield f"{', '.join(titles)}: {words}"


def _tone(better: Sequence[str], worse: Sequence[str]) -> Tone:
    if worse:
        return "bad"
    return "good" if better else "note"


def _heading(
    better: Sequence[str], worse: Sequence[str], torn: Sequence[str], all_of_them: Sequence[str]
) -> str:
    unclear = [title for title in all_of_them if title not in (*better, *worse, *torn)]
    parts = [
        f"{', '.join(titles)} {words}"
        for titles, words in (
            (better, "more robust than the baseline"),
            (worse, "less robust than the baseline"),
            (torn, "more robust in one seed and less in another"),
            (unclear, "no clear difference"),
        )
        if titles
    ]
    return "; ".join(parts)


def _seeds(line: Line) -> str:
    return ", ".join(difference(pairs, 100) for pairs in _pairs(line))
