"""A defence study in words: did natural MI rise and adversarial MI fall?"""

from __future__ import annotations

from torch import Tensor

from advmi_core.evaluation import Paired
from advmi_core.figures.defence.series import ATTACK, difference, names
from advmi_core.figures.text import Tone, fixed
from advmi_core.figures.text import difference as written
from advmi_core.studies.defence import DefenceStudyResult, Measured
from advmi_core.studies.defence.records import DEFENCE, STANDARD

_HARDLY = 0.5  # of Standard's right answers


def verdict(result: DefenceStudyResult) -> tuple[Tone, str, str]:
    """Tone, heading and text: the defence against the Standard model, on the same test images."""
    before, after = (result.measured.get((model, ATTACK)) for model in (STANDARD, DEFENCE))
    if before is None or after is None:
        return "note", "Not measured yet", f"Both models are compared once both are under {ATTACK}."
    natural = difference(after.optimised.natural_adv, before.optimised.natural_adv)
    adversarial = difference(after.optimised.adversarial_adv, before.optimised.adversarial_adv)
    text = (
        f"{_compared(result)}: natural MI {_moved(after, before, 'natural_adv', natural)}; "
        f"adversarial MI {_moved(after, before, 'adversarial_adv', adversarial)}. {_rates(result)}"
    )
    if result.lesson.defense == "standard":
        return "note", "The same training twice", f"Nothing may differ. {text}"
    if _count(after.clean) < _HARDLY * _count(before.clean):
        return "bad", "The model hardly classifies: its MI says little", text
    rises, falls = natural.low > 0, adversarial.high < 0
    return "good" if rises and falls else "note", _heading(natural, adversarial), text


def _heading(natural: Paired, adversarial: Paired) -> str:
    said = {1: "rises", -1: "falls", 0: "is unclear"}
    return f"Natural MI {said[natural.sign]}, adversarial MI {said[adversarial.sign]}"


def _compared(result: DefenceStudyResult) -> str:
    count, title = result.lesson.measured, names(result)[DEFENCE]
    measured = f"x̃ of {count} test images under {ATTACK}, mean nats by Eq.\u00a05 [95\u00a0%]"
    return f"{title} against Standard, {measured}"


def _moved(after: Measured, before: Measured, name: str, pairs: Paired) -> str:
    new, old = (fixed(float(getattr(one.optimised, name).mean())) for one in (after, before))
    return f"{new} against {old}, {written(pairs)}"


def _rates(result: DefenceStudyResult) -> str:
    parts = []
    for model, title in names(result).items():
        one = result.measured[model, ATTACK]
        clean, robust = (100 * _count(right) / len(right) for right in (one.clean, one.robust))
        parts.append(f"{title} {clean:.0f}\u00a0% and {robust:.0f}\u00a0%")
    return f"Right on x and on x̃: {', '.join(parts)}."


def over_training(result: DefenceStudyResult) -> str:
    """What the validation images say of the defence's training, from the first epoch to the kept one."""
    history, kept = result.history(DEFENCE), result.kept(DEFENCE)
    if len(history) < 2 or kept is None:
        return ""
    first = history[0]
    if kept.epoch == first.epoch:
        return "The weights of epoch 1 are kept: no later epoch was right on more x̃ of the validation images."
    return (
        f"Within the training, on x̃ of the validation images from epoch 1 to the kept epoch {kept.epoch}: "
        f"natural MI from {fixed(first.natural_adv)} to {fixed(kept.natural_adv)}, adversarial MI from "
        f"{fixed(first.adversarial_adv)} to {fixed(kept.adversarial_adv)} nats."
    )


def _count(right: Tensor) -> int:
    return int(right.sum())
