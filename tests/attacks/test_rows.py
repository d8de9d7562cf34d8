"""A row's result is its own: the same bits alone as among batch mates, on the shipped models."""

from __future__ import annotations

import pytest
import torch

from advmi_core import data, models
from advmi_core.attacks import MinMax
from advmi_core.objectives import Classification, Objective, Reconstruction

# Long enough for rounding to be amplified: one differing last bit shows after about 90 critic steps.
STEPS, INNER = 12, 10


@pytest.mark.parametrize("rows", [1, 3, 5])
@pytest.mark.parametrize("name", ["cnn", "ae-conv", "ae-dense"])
def test_a_row_has_the_same_bits_alone_and_in_a_batch(name: str, rows: int) -> None:
    images, model = data.load("fashion-mnist", split="test"), models.load(name)
    attack = MinMax(eps=0.3, steps=STEPS, inner=INNER, mi_steps=10)

    def run(first: int, last: int) -> tuple[torch.Tensor, torch.Tensor]:
        part = slice(first, last)
        objective: Objective = Reconstruction(model)
        if name == "cnn":
            objective = Classification(model, images.y[part])
        result = attack(objective, images.x[part], rows=range(first, last))
        return result.x_adv, result.mi

    for whole, some in zip(run(0, 8), run(2, 2 + rows), strict=True):
        assert torch.equal(whole[2 : 2 + rows], some)
