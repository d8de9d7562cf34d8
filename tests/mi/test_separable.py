"""Separable critics: their step against autograd, and rows that do not depend on their batch mates."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from advmi_core.mi.bounds import BOUNDS, Bound
from advmi_core.mi.critics import ADAM_EPS
from advmi_core.mi.pairs import split_pairs
from advmi_core.mi.separable import SeparableCritics
from advmi_core.rng import RowStreams

LR = 1e-3


def _critics(rows: list[int], bound: Bound, count: int | None = None) -> SeparableCritics:
    streams = RowStreams(0, rows, 1)
    return SeparableCritics((3, 16, 8), (2, 16, 8), streams, bound=bound, lr=LR, critics=count)


def _samples(rows: int, k: int = 40) -> tuple[Tensor, Tensor]:
    stream = torch.Generator().manual_seed(2)
    a = torch.randn(rows, k, 3, generator=stream)
    return a, a[:, :, :2] + 0.3 * torch.randn(rows, k, 2, generator=stream)


def _jensen_shannon(joint: Tensor, marginal: Tensor) -> Tensor:
    return -F.softplus(-joint).mean(1) - F.softplus(marginal).flatten(1).mean(1)


# SMILE's value is clipped; what its critic ascends is the Jensen–Shannon bound.
ASCENDED = {name: bound.value for name, bound in BOUNDS.items()} | {"smile": _jensen_shannon}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_step_ascends_the_gradient_that_autograd_finds(name: str) -> None:
    """Adam's first step is lr·g/(|g| + eps), so it shows the gradient itself, entry by entry."""
    critics, (a, b) = _critics([0, 1], BOUNDS[name]), _samples(2)
    value = ASCENDED[name](*split_pairs(critics.scores(a, b))).sum()
    gradients = torch.autograd.grad(value, list(critics.weights.values()))
    before = [weight.detach().clone() for weight in critics.weights.values()]
    critics.learn(a, b)
    large = torch.cat([gradient.flatten().abs() > 1e-4 for gradient in gradients])
    assert large.float().mean() > 0.8
    for weight, old, gradient in zip(critics.weights.values(), before, gradients, strict=True):
        wanted = LR * gradient / (gradient.abs() + ADAM_EPS)
        clear = gradient.abs() > 1e-4
        torch.testing.assert_close((weight.detach() - old)[clear], wanted[clear], rtol=0.02, atol=1e-6)


@pytest.mark.parametrize("name", ["dv", "nwj", "infonce"])
def test_the_gradient_in_b_is_the_slope_of_the_value(name: str) -> None:
    critics, (a, b) = _critics([0], BOUNDS[name]), _samples(1)
    direction = torch.randn(b.shape, generator=torch.Generator().manual_seed(3))
    ahead, behind = (critics.value(a, b + sign * 1e-2 * direction) for sign in (1, -1))
    _, gradient = critics.ascend_with_gradient(a, b)
    assert float((gradient * direction).sum()) == pytest.approx(float(ahead - behind) / 2e-2, rel=0.02)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_critic_has_the_same_bits_alone_and_in_a_batch(name: str) -> None:
    a, b = _samples(3)
    batch, alone = _critics([4, 5, 6], BOUNDS[name]), _critics([5], BOUNDS[name])
    for _ in range(25):
        together, single = batch.ascend(a, b), alone.ascend(a[1:2], b[1:2])
        assert torch.equal(together[1:2], single)
    for key, weight in batch.weights.items():
        assert torch.equal(weight[1:2], alone.weights[key])


def test_the_rate_can_be_changed_on_the_way() -> None:
    critics, (a, b) = _critics([0], BOUNDS["dv"]), _samples(1)
    critics.learn(a, b)
    before = {key: weight.detach().clone() for key, weight in critics.weights.items()}
    critics.set_lr(0.0)
    critics.learn(a, b)
    assert all(torch.equal(before[key], weight) for key, weight in critics.weights.items())
    critics.set_lr(LR)
    critics.learn(a, b)
    assert not torch.equal(before["a0.weight"], critics.weights["a0.weight"])
