"""Closed-form gradients against autograd, and the properties that define each bound."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from advmi_core.mi.bounds import BOUNDS, MINE_RATE, SMILE_CLIP, MovingAverage, log_mean_exp
from advmi_core.mi.pairs import join_pairs, split_pairs


def _scores(rows: int = 3, k: int = 6, m: int = 5, scale: float = 2.0) -> tuple[Tensor, Tensor]:
    stream = torch.Generator().manual_seed(1)
    joint = torch.randn(rows, k, generator=stream, dtype=torch.float64) * scale
    marginal = torch.randn(rows, k, m, generator=stream, dtype=torch.float64) * scale
    return joint, marginal


def _jensen_shannon(joint: Tensor, marginal: Tensor) -> Tensor:
    return -F.softplus(-joint, threshold=99).mean(1) - F.softplus(marginal, threshold=99).flatten(1).mean(1)


# SMILE's value is clipped; what its critic ascends is the Jensen–Shannon bound.
ASCENDED = {name: BOUNDS[name].value for name in ("dv", "nwj", "infonce")} | {"smile": _jensen_shannon}


@pytest.mark.parametrize("name", ASCENDED)
@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_gradient_is_the_derivative_of_what_is_ascended(name: str, scale: float) -> None:
    joint, marginal = (t.requires_grad_() for t in _scores(scale=scale))
    wanted = torch.autograd.grad(ASCENDED[name](joint, marginal).sum(), (joint, marginal))
    got = BOUNDS[name].gradient(joint.detach(), marginal.detach(), MovingAverage())
    for ours, theirs in zip(got, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_mine_divides_by_the_debiased_average_of_all_steps_so_far() -> None:
    average, weights, terms = MovingAverage(), [], []
    for step in range(4):
        joint, marginal = _scores(scale=0.5 + step)
        terms.append(log_mean_exp(marginal).exp())
        weights = [w * (1 - MINE_RATE) for w in weights] + [MINE_RATE]
        expected = sum(w * t for w, t in zip(weights, terms, strict=True)) / sum(weights)
        _, d_marginal = BOUNDS["mine"].gradient(joint, marginal, average)
        wanted = -marginal.exp() / marginal[0].numel() / expected.view(-1, 1, 1)
        torch.testing.assert_close(d_marginal, wanted, rtol=1e-9, atol=1e-12)


def test_mine_starts_with_dv_s_gradient() -> None:
    joint, marginal = _scores()
    for ours, theirs in zip(
        BOUNDS["mine"].gradient(joint, marginal, MovingAverage()),
        BOUNDS["dv"].gradient(joint, marginal, MovingAverage()),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("shift", [-300.0, 3.0, 300.0])
@pytest.mark.parametrize("name", ["dv", "infonce"])
def test_adding_a_constant_to_the_critic_changes_nothing(name: str, shift: float) -> None:
    joint, marginal = _scores()
    moved = BOUNDS[name].value(joint + shift, marginal + shift)
    torch.testing.assert_close(moved, BOUNDS[name].value(joint, marginal))


def test_info_nce_never_exceeds_the_log_of_its_candidates() -> None:
    joint, marginal = _scores(scale=50)
    assert (BOUNDS["infonce"].value(joint + 1000, marginal) <= math.log(6) + 1e-12).all()


def test_smile_is_dv_where_nothing_is_clipped() -> None:
    joint, marginal = _scores(scale=1)
    assert marginal.abs().max() < SMILE_CLIP
    torch.testing.assert_close(BOUNDS["smile"].value(joint, marginal), BOUNDS["dv"].value(joint, marginal))


def test_bounds_agree_by_hand() -> None:
    joint, marginal = torch.tensor([[1.0, 3.0]]), torch.tensor([[[0.0], [2.0]]])
    mean_exp = (1 + math.exp(2)) / 2
    assert BOUNDS["dv"].value(joint, marginal).item() == pytest.approx(2 - math.log(mean_exp))
    assert BOUNDS["nwj"].value(joint, marginal).item() == pytest.approx(2 - mean_exp / math.e)
    per_pair = [1 - math.log((math.e + 1) / 2), 3 - math.log((math.exp(3) + math.exp(2)) / 2)]
    assert BOUNDS["infonce"].value(joint, marginal).item() == pytest.approx(sum(per_pair) / 2)


def test_infonce_of_the_square_is_the_same_gradient() -> None:
    scores = torch.randn(3, 7, 7, generator=torch.Generator().manual_seed(0))
    bound = BOUNDS["infonce"]
    assert bound.of_square is not None
    wanted = join_pairs(*bound.gradient(*split_pairs(scores), MovingAverage()))
    torch.testing.assert_close(bound.of_square(scores), wanted)
