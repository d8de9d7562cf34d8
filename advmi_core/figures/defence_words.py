"""What a lesson in defence says in words: did natural MI rise and adversarial MI fall?"""

from __future__ import annotations

import math

from torch import Tensor

from advmi_core.defenses import LessonResult, Measured
from advmi_core.defenses.lesson_records import DEFENCE, STANDARD
from advmi_core.evaluation import Paired
from advmi_core.figures.defence import ATTACK, difference, names
from advmi_core.figures.words import Tone, number

_HARDLY = 0.5  # of Standard's right answers


def verdict(result: LessonResult) -> tuple[Tone, str, str]:
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
        heading = "The model hardly classifies any more, so its MI says little"
        return "bad", heading, text
    rises, falls = natural.low > 0, adversarial.high < 0
    return "good" if rises and falls else "note", _heading(natural, adversarial), text


def _heading(natural: Paired, adversarial: Paired) -> str:
    rise, fall = _direction(natural), _direction(adversarial)
    said = {1: "rises", -1: "falls", 0: "does not clearly change"}
    joined = "and" if (rise, fall) == (1, -1) else "but" if rise == 1 or fall == -1 else "and"
    return f"Natural MI {said[rise]}, {joined} adversarial MI {said[fall]}"


def _direction(pairs: Paired) -> int:
    """1 up, −1 down, 0 where the interval holds 0 or there is none."""
    return int(pairs.low > 0) - int(pairs.high < 0)


def _compared(result: LessonResult) -> str:
    count, title = result.lesson.measured, names(result)[DEFENCE]
    return f"{title} against Standard, x̃ of {count} test images under {ATTACK}, mean nats by Eq. 5"


def _moved(after: Measured, before: Measured, name: str, pairs: Paired) -> str:
    new, old = (float(getattr(one.optimised, name).mean()) for one in (after, before))
    text = f"{number(new)} against {number(old)}, {signed(pairs.mean)}"
    if math.isfinite(pairs.low):
        text += f" [{signed(pairs.low)}, {signed(pairs.high)}]"
    return text


def _rates(result: LessonResult) -> str:
    parts = []
    for model, title in names(result).items():
        one = result.measured[model, ATTACK]
        clean, robust = (100 * _count(right) / len(right) for right in (one.clean, one.robust))
        parts.append(f"{title} {clean:.0f} % and {robust:.0f} %")
    return f"Right on x and on x̃: {', '.join(parts)}."


def over_training(result: LessonResult) -> str:
    """What the validation images say of the defence's training, from the first epoch to the kept one."""
    history, kept = result.history(DEFENCE), result.kept(DEFENCE)
    if len(history) < 2 or kept is None:
        return ""
    first = min(history, key=lambda epoch: epoch.epoch)
    if kept.epoch == first.epoch:
        return "The weights of epoch 1 are kept: no later epoch was right on more x̃ of the validation images."
    return (
        f"Within the training, on x̃ of the validation images from epoch 1 to the kept epoch {kept.epoch}: "
        f"natural MI from {number(first.natural_adv)} to {number(kept.natural_adv)}, adversarial MI from "
        f"{number(first.adversarial_adv)} to {number(kept.adversarial_adv)} nats."
    )


def signed(value: float) -> str:
    """A difference with its sign."""
    return f"+{number(value)}" if value > 0 else number(value)


def _count(right: Tensor) -> int:
    return int(right.sum())
