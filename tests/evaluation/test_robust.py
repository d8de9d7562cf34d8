"""Robust accuracy and transfer: counted by hand, in any batches, closed early, between two models."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from advmi_core.attacks import DDN, PGD
from advmi_core.evaluation import CLEAN, Accuracy, robust_accuracy, transfer_accuracy, wilson


class Half(nn.Module):
    """Class 1 where the mean of one half of the picture exceeds ½; the other half is not looked at."""

    def __init__(self, left: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.left = left

    def forward(self, x: Tensor) -> Tensor:
        half = x[..., :4] if self.left else x[..., 4:]
        score = self.weight * (half.flatten(1).mean(1) - 0.5)
        return torch.stack([-score, score], dim=1)


def _greys() -> tuple[Tensor, Tensor]:
    """Ten even pictures, 0.02, 0.06, … above ½, all of class 1, the last two labelled wrongly."""
    level = 0.52 + 0.04 * torch.arange(10)
    y = torch.ones(10, dtype=torch.int64)
    y[8:] = 0
    return level.view(-1, 1, 1, 1).expand(-1, 1, 8, 8).contiguous(), y


def test_counts_those_that_stay_right() -> None:
    """An L∞ attack of size ε fools exactly the pictures less than ε above ½."""
    x, y = _greys()
    attacks = {"small": PGD(eps=0.09, steps=10, mi_steps=0), "large": PGD(eps=0.19, steps=10, mi_steps=0)}
    result = robust_accuracy(Half(True), x, y, attacks).drain()
    assert list(result.right) == [CLEAN, "small", "large"]
    assert result.right[CLEAN].tolist() == [True] * 8 + [False] * 2
    assert result.right["small"].tolist() == [False] * 2 + [True] * 6 + [False] * 2
    assert result.right["large"].tolist() == [False] * 5 + [True] * 3 + [False] * 2
    large = result.accuracies["large"]
    assert large == Accuracy(3, 10, wilson(3, 10))
    assert large.value == 0.3


def test_records_count_and_a_closed_run_keeps_what_it_has() -> None:
    x, y = _greys()
    attacks = {"pgd": PGD(eps=0.1, steps=2, mi_steps=0)}
    run = robust_accuracy(Half(True), x, y, attacks, batch=4)
    assert run.total == 6
    seen = [next(run) for _ in range(4)]
    run.close()
    assert [(record.step, record.attack) for record in seen] == [
        (1, CLEAN), (2, CLEAN), (3, CLEAN), (4, "pgd"),
    ]  # fmt: skip
    assert seen[2].accuracy.images == 10
    assert len(run.result.right["pgd"]) == 4
    assert run.result.accuracies["pgd"] == seen[3].accuracy


def test_nothing_depends_on_the_batch() -> None:
    x, y = _greys()
    attacks = {"pgd": PGD(eps=0.1, steps=1, mi_steps=0)}  # its random start alone decides
    whole, parts = (robust_accuracy(Half(True), x, y, attacks, batch=size).drain() for size in (10, 3))
    np.testing.assert_array_equal(whole.right["pgd"], parts.right["pgd"])


def test_an_example_need_not_fool_another_model() -> None:
    """The surrogate looks at the left half only, so its gradient never touches what the target sees."""
    x, y = _greys()
    attacks = {"ddn": DDN(eps=8.0, mi_steps=0)}
    same = transfer_accuracy(Half(True), Half(True), x, y, attacks).drain()
    other = transfer_accuracy(Half(True), Half(False), x, y, attacks).drain()
    assert not same.right["ddn"].any()
    np.testing.assert_array_equal(other.right["ddn"], other.right[CLEAN])


def test_bad_input_is_named() -> None:
    x, y = _greys()
    attack = PGD(steps=1)
    with pytest.raises(ValueError, match="x and y must have the same length, got 10 and 9"):
        robust_accuracy(Half(True), x, y[:9], {"pgd": attack})
    with pytest.raises(ValueError, match="attacks must be at least one"):
        robust_accuracy(Half(True), x, y, {})
    with pytest.raises(ValueError, match="none of them called 'none'"):
        robust_accuracy(Half(True), x, y, {CLEAN: attack})
    with pytest.raises(ValueError, match="batch must be"):
        robust_accuracy(Half(True), x, y, {"pgd": attack}, batch=0)
