"""Held-out critics that are too sure of themselves: shrunk, without a say for the pairs that are scored."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from advmi_core import data, models
from advmi_core.mi import estimate_mi
from advmi_core.mi.bounds import BOUNDS
from advmi_core.mi.pairs import split_pairs
from advmi_core.mi.tempered import tempered_value
from advmi_core.objectives import Classification

FOLDS, ROWS, K = 2, 5, 40


def _scores(signal: float, noise: float, seed: int = 0, rows: int = ROWS) -> tuple[Tensor, Tensor]:
    """Of critics that give joint pairs ``signal`` more on average, and everything that much noise."""
    stream = torch.Generator().manual_seed(seed)
    square = noise * torch.randn(FOLDS * rows, K, K, generator=stream)
    square.diagonal(dim1=1, dim2=2).add_(signal)
    joint, marginal = split_pairs(square)
    return joint.unflatten(0, (FOLDS, rows)), marginal.unflatten(0, (FOLDS, rows))


def _plain(name: str, joint: Tensor, marginal: Tensor) -> Tensor:
    return BOUNDS[name].value(joint.flatten(0, 1), marginal.flatten(0, 1)).view(FOLDS, -1)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_critic_that_could_claim_more_keeps_its_value(name: str) -> None:
    joint, marginal = _scores(signal=1.5, noise=0.1)
    neutral = BOUNDS[name].neutral
    tempered = tempered_value(BOUNDS[name], joint + neutral, marginal + neutral)
    torch.testing.assert_close(
        tempered, _plain(name, joint + neutral, marginal + neutral), atol=0.01, rtol=0.01
    )


@pytest.mark.parametrize("name", BOUNDS)
def test_scores_without_any_signal_are_worth_nothing_however_large(name: str) -> None:
    joint, marginal = _scores(signal=0.0, noise=20.0, rows=50)
    assert float(_plain(name, joint, marginal).mean()) < -3
    tempered = tempered_value(BOUNDS[name], joint, marginal).mean(0)
    assert float(tempered.min()) > -0.1
    assert abs(float(tempered.mean())) < 0.02


def test_what_is_true_of_loud_scores_is_kept() -> None:
    level, loud = _scores(3.0, 1.8), _scores(90.0, 54.0)
    assert float(_plain("infonce", *loud).mean()) < -10
    values = [tempered_value(BOUNDS["infonce"], *scores) for scores in (level, loud)]
    assert float(values[0].min()) > 0.5
    torch.testing.assert_close(values[1], values[0], atol=0.1, rtol=0)


def test_no_pair_has_a_say_in_its_own_scale() -> None:
    """The even pairs know something, the odd ones nothing: each half is scored as the other one advises."""
    joint, marginal = _scores(signal=0.0, noise=20.0)
    joint[..., ::2] += 200.0
    # By scales that suit themselves the even pairs would bring half of log K, and the odd ones nothing.
    assert float(tempered_value(BOUNDS["infonce"], joint, marginal).max()) < -0.1


@pytest.mark.fault("M3")
@pytest.mark.parametrize("folds", ["random", "blocks"])
@pytest.mark.parametrize(("side", "channels"), [(8, 1), (8, 3), (12, 1), (16, 1), (16, 3), (28, 1)])
def test_independent_images_are_near_zero_at_every_size(side: int, channels: int, folds: str) -> None:
    x, other = torch.rand(2, 24, channels, side, side, generator=torch.Generator().manual_seed(side))
    objective = Classification(models.load("cnn"), torch.zeros(24, dtype=torch.long))
    found = estimate_mi(objective, x, other, folds=folds)
    assert abs(float(found.mean())) < 0.02
    assert float(found.min()) > -0.1


@pytest.mark.fault("M3")
@pytest.mark.parametrize("bound", BOUNDS)
def test_independent_images_are_near_zero_by_every_bound(bound: str) -> None:
    x, other = torch.rand(2, 16, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    objective = Classification(models.load("cnn"), torch.zeros(16, dtype=torch.long))
    found = estimate_mi(objective, x, other, estimator=bound)
    assert abs(float(found.mean())) < 0.05
    assert float(found.min()) > -0.1


def test_small_images_keep_what_they_share() -> None:
    x = torch.nn.functional.interpolate(data.load("fashion-mnist", split="test").x[:16], (8, 8), mode="area")
    objective = Classification(models.load("cnn"), torch.zeros(16, dtype=torch.long))
    assert float(estimate_mi(objective, x, x).mean()) > 1
