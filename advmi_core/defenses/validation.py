"""Accuracy of a classifier while it is defended: on validation images, never on test images."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from advmi_core.defenses.learner import DefenseLearner
from advmi_core.defenses.records import Epoch, LossTerms
from advmi_core.models.metrics import evaluating
from advmi_core.models.training.splits import stream

VALIDATED_BY = "PGD on the cross entropy; right at x, at the start and at every iterate"
"""What ``robust`` is, for cards; those without it counted the last iterate of the training's own PGD."""
MI = ("natural_x", "natural_adv", "adversarial_x", "adversarial_adv")


def validate(learner: DefenseLearner, x: Tensor, y: Tensor, epoch: int, train: LossTerms) -> Epoch:
    """Accuracy on x (N,C,H,W) and under PGD on the cross entropy, and mean MI where there are estimators.

    Budget, steps and norm are the training's, and the start is the same after every epoch. An image counts as
    robust if it is right at x, at the start and at every iterate: a model whose loss makes PGD swing between
    two images would otherwise be judged by the one that it happens to end at (2.8 points were seen). The
    cross entropy is ascended for TRADES too, whose own divergence hardly aims at the label. MI is that of the
    last iterate; its negatives come from batches of the training's size, and a last incomplete batch counts
    with its images.
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
    robust = torch.ones_like(y, dtype=torch.bool)

    def judge(logits: Tensor) -> None:
        robust.logical_and_(logits.argmax(1) == y)

    x_adv = learner.attack(x, y, noise, loss="ce", watch=judge)
    with torch.no_grad():
        clean, attacked = learner.logits(x), learner.logits(x_adv)
        judge(clean)
        judge(attacked)
        found = {"clean": float((clean.argmax(1) == y).sum()), "robust": float(robust.sum())}
        if learner.estimators is not None:
            split = learner.estimators.split(x, x_adv, clean, attacked)
            found |= {name: float(getattr(split, name).sum()) for name in MI}
    return found
