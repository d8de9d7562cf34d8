"""Series of a defence study's figures: names, looks, and means over test images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from advmi_core.defenses import DEFENSES
from advmi_core.evaluation import Paired, paired
from advmi_core.figures.style import DASH, DOT, SOLID, Style
from advmi_core.studies.defence import DefenceStudyResult, Measured
from advmi_core.studies.defence import attacks as lesson_attacks
from advmi_core.studies.defence.records import DEFENCE, STANDARD

Floats = NDArray[np.float64]
NATURAL = Style("Natural MI", "#2f8fcb", SOLID, "circle", "/")
ADVERSARIAL = Style("Adversarial MI", "#d55e00", DASH, "square", "x")
WHOLE = Style("Standard MI", "#009e73", DOT, "diamond")
ATTACK = "PGD-10"
"""The attack that words and bars speak of: the one of the published training."""
_FEWEST = 5  # images of an interval: Student's of two is dozens of nats long


def names(result: DefenceStudyResult) -> dict[str, str]:
    """``STANDARD`` and ``DEFENCE`` → their names for people; different also where both are Standard."""
    title = DEFENSES[result.lesson.defense].title
    standard = DEFENSES["standard"].title
    return {STANDARD: standard, DEFENCE: f"{title} again" if title == standard else title}


def mean_of(values: Tensor) -> Paired:
    """The mean of (n,) with its 95 % interval (Student); NaN without images, no interval below five."""
    array = values.double().numpy()
    found = paired(array, np.zeros_like(array))
    return found if found.n >= _FEWEST else Paired(found.n, found.mean, math.nan, math.nan)


def difference(after: Tensor, before: Tensor) -> Paired:
    """after − before, (n,) of the same images."""
    return paired(after.double().numpy(), before.double().numpy())


def radar(result: DefenceStudyResult) -> tuple[dict[str, dict[str, Floats]], list[str], float]:
    """Mean standard MI under every attack, lifted so that the smallest is 0 [NAMID, fig. 3].

    Returns:
        model → name of the line → (attacks,) nats above the offset, NaN where not measured yet; the lesson's
        attacks; and the offset, the smallest mean of all.
    """
    labels = list(lesson_attacks.attacks(result.lesson.eps, result.lesson.seed))
    lines: dict[str, dict[str, Floats]] = {}
    for model in (STANDARD, DEFENCE):
        seen = [result.measured.get((model, label)) for label in labels]
        lines[model] = {
            "I(x; h(x))": _means(seen, lambda one: one.standard_x),
            "I(x̃; h(x̃))": _means(seen, lambda one: one.standard_adv),
            "I(x; h(x̃))": _means(seen, lambda one: one.first.natural_adv),
        }
    every = np.concatenate([values for mine in lines.values() for values in mine.values()])
    known = every[np.isfinite(every)]
    offset = float(known.min()) if len(known) else 0.0
    lifted = {model: {name: v - offset for name, v in mine.items()} for model, mine in lines.items()}
    return lifted, labels, offset


def _means(seen: Sequence[Measured | None], read: Callable[[Measured], Tensor]) -> Floats:
    return np.array([math.nan if one is None else float(read(one).mean()) for one in seen], np.float64)


@dataclass(frozen=True)
class Split:
    """One model under one attack: mean MI of x̃ in nats, as Eq. 3 takes it apart, by the estimators of Eq. 4.

    Attributes:
        attack: label.
        standard, natural, adversarial: I(x̃; h(x̃)), I(x; h(x̃)) and I(x̃ − x; h(x̃)).
        gap: what the last two leave of the first.
    """

    attack: str
    standard: float
    natural: float
    adversarial: float
    gap: Paired


def splits(result: DefenceStudyResult, model: str) -> list[Split]:
    """The split under every attack that this model has been measured under."""
    return [
        Split(
            attack, float(one.standard_adv.mean()), float(one.first.natural_adv.mean()),
            float(one.first.adversarial_adv.mean()), mean_of(one.gap),
        )
        for (name, attack), one in result.measured.items()
        if name == model
    ]  # fmt: skip


QUANTITIES = {
    "natural_x": "natural MI of x",
    "natural_adv": "natural MI of x̃",
    "adversarial_x": "adversarial MI of x",
    "adversarial_adv": "adversarial MI of x̃",
}
EQUATIONS = {"first": "Eq. 4", "optimised": "Eq. 5"}


def equations(result: DefenceStudyResult) -> tuple[dict[str, dict[str, Paired]], int]:
    """Stage of the estimators → quantity → its mean over the selected images (Eq. 6) of the Standard model.

    The Standard model is the one that they were trained on. Also how many images are selected.
    """
    one = result.measured.get((STANDARD, ATTACK))
    if one is None:
        return {}, 0
    rows = one.selected
    found = {
        stage: {name: mean_of(getattr(getattr(one, stage), name)[rows]) for name in QUANTITIES}
        for stage in EQUATIONS
    }
    return found, int(rows.sum())
