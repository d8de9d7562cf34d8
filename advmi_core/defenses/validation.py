"""How good a classifier is while it is defended: on the validation images, never on the test images."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from advmi_core.defenses.learner import DefenseLearner
from advmi_core.defenses.records import Epoch, Parts
from advmi_core.models.metrics import evaluating
from advmi_core.models.splits import stream

MI = ("natural_x", "natural_adv", "adversarial_x", "adversarial_adv")


def validate(learner: DefenseLearner, x: Tensor, y: Tensor, epoch: int, train: Parts) -> Epoch:
    """Accuracy on x (N,C,H,W) and on x̃ by the training's PGD, and mean MI where there are estimators.

    The start of the PGD is the same after every epoch. MI takes its negatives from batches of the training's
    size; a last incomplete batch counts with its images.
    """
    sums = dict.fromkeys(("clean", "robust", *MI), 0.0)
    generator = stream(learner.spec.seed, "validate")
    with evaluating(learner.network):
        for part, labels in zip(
            torch.split(x, learner.spec.batch), torch.split(y, learner.spec.batch), strict=True
        ):
            noise = torch.rand(part.shape, generator=generator)
            for name, value in _measure(learner, part, labels, noise).items():
                sums[name] += value
    if learner.estimators is None:
        sums |= dict.fromkeys(MI, math.nan)
    return Epoch(epoch=epoch, train=train, **{name: value / len(x) for name, value in sums.items()})


def _measure(learner: DefenseLearner, x: Tensor, y: Tensor, noise: Tensor) -> dict[str, float]:
    """Sums over one batch."""
    x, y, noise = (tensor.to(learner.device) for tensor in (x, y, noise))
    x_adv = learner.attack(x, y, noise)
    with torch.no_grad():
        clean, attacked = learner.logits(x), learner.logits(x_adv)
        found = {
            "clean": float((clean.argmax(1) == y).sum()),
            "robust": float((attacked.argmax(1) == y).sum()),
        }
        if learner.estimators is not None:
            split = learner.estimators.split(x, x_adv, clean, attacked)
            found |= {name: float(getattr(split, name).sum()) for name in MI}
    return found
