"""How long things take, so that a progress bar moves evenly; nothing else depends on these numbers.

Milliseconds on one CPU thread, Fashion-MNIST: a gradient step at batch 128, and an iteration of a UAE, fixed
part and per critic step.
"""

from __future__ import annotations

from advmi_core.attacks import PublishedMinMax
from advmi_core.studies.autoencoders.records import NOISES
from advmi_core.studies.autoencoders.spec import RetrainingSpec

_STEP = {"ae-dense": 5, "ae-sparse": 5, "ae-conv": 68, "ae-adversarial": 126}
_STEP_OTHERWISE = 20
_ITERATION = {
    "mine-conv": (2.0, 0.2),
    "mine-random": (14.0, 0.9),
    "mine-patches": (0.6, 0.17),
    "l2": (0.4, 0.0),
}
_SOLVER = 0.5


def training_cost(model: str, steps: int) -> int:
    """Units of work of so many gradient steps."""
    return steps * _STEP.get(model, _STEP_OTHERWISE)


def making_cost(study: RetrainingSpec, model: str, row: str, images: int) -> int:
    """Units of work of so many new images."""
    if row in NOISES:
        return images
    attack = study.augmentation(row, model).attack()
    if not isinstance(attack, PublishedMinMax):
        return round(images * attack.iterations * _SOLVER)
    fixed, critic = _ITERATION[attack.mi]
    return round(images * attack.iterations * (fixed + critic * attack.inner))
