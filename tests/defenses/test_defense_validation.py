"""Validation counts what survives a whole attack, and every defence is judged by the same one."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from advmi_core.defenses import DefenseSpec, inner
from advmi_core.defenses.learner import DefenseLearner
from advmi_core.defenses.parallel import Ranks
from advmi_core.defenses.records import LossTerms
from advmi_core.defenses.validation import validate
from advmi_core.models.training.splits import stream

COUNT, BATCH, EPS = 40, 16, 0.2
NOTHING = LossTerms(*[math.nan] * 6)


class Trap(nn.Module):
    """Wrong about images of nearly one brightness, which PGD passes to and fro without resting there."""

    def __init__(self) -> None:
        super().__init__()
        self.width = nn.Parameter(torch.tensor(EPS / 12))

    def forward(self, x: Tensor) -> Tensor:
        height = self.width - (x.mean((1, 2, 3)) - 0.5).abs()
        return torch.stack([torch.zeros_like(height), height], 1)


@pytest.mark.parametrize("defense", ["standard", "trades"])
def test_an_image_counts_only_if_nothing_on_the_way_breaks_it(
    defense: str, small: Callable[..., DefenseSpec]
) -> None:
    """The slow way: PGD on the cross entropy anew for 0, 1, … steps, whatever the training's own ascends."""
    spec, network = small(defense, batch=BATCH, steps=7, eps=EPS), Trap()
    learner = DefenseLearner(network, spec, None, torch.device("cpu"), Ranks())  # type: ignore[arg-type]
    x = torch.linspace(0.1, 0.9, COUNT)[:, None, None, None].expand(COUNT, 1, 8, 8)
    y = torch.zeros(COUNT, dtype=torch.int64)
    y[:3] = 1  # wrong from the start

    generator, clean, survived, last = stream(spec.seed, "validate"), 0, 0, 0
    for part, labels in zip(x.split(BATCH), y.split(BATCH), strict=True):
        noise = torch.rand(part.shape, generator=generator)
        made = [inner.craft(network, part, labels, noise, eps=EPS, steps=s) for s in range(spec.steps + 1)]
        with torch.no_grad():
            right = torch.stack([network(images).argmax(1) == labels for images in [part, *made]])
        clean, survived = clean + int(right[0].sum()), survived + int(right.all(0).sum())
        last += int(right[-1].sum())

    found = validate(learner, x, y, 1, NOTHING)
    assert (found.clean, found.robust) == (clean / COUNT, survived / COUNT)
    assert 0 < survived < last < clean  # the last iterate alone would tell another story
