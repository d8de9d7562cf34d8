"""The L2 distance in the place of the MI: its pull, and which iterate is kept."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from advmi_core import data, models
from advmi_core.attacks import MinMax
from advmi_core.attacks.core.mi_term import make_term
from advmi_core.objectives import Reconstruction

SETTINGS = {"inner": 1, "seed": 0, "critic": "compact", "bound": "auto", "pairs": "auto"}


def _problem(count: int = 4) -> tuple[Reconstruction, torch.Tensor]:
    return Reconstruction(models.load("ae-dense")), data.load("fashion-mnist", split="test").x[:count]


def test_it_pulls_along_the_gradient_of_minus_the_squared_distance() -> None:
    objective, x = _problem()
    leaf = (x + 0.1 * torch.rand(x.shape, generator=torch.Generator().manual_seed(0))).requires_grad_()
    value, samples, pull = make_term(objective.on(x), "l2", range(4), **SETTINGS).step(leaf, None)
    wanted = -(leaf - x).square().sum((1, 2, 3))
    torch.testing.assert_close(value, wanted.detach())
    torch.testing.assert_close(
        torch.autograd.grad(samples, leaf, pull)[0], torch.autograd.grad(wanted.sum(), leaf)[0]
    )


class Constant(nn.Module):
    """Rebuilds the same from everything, so that f = 0 everywhere."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0 * x + 0.5


def test_where_nothing_is_penalised_a_step_only_grows_the_perturbation() -> None:
    """δ ← (1 + 2αw)·δ, cut with the box."""
    _, x = _problem()
    attack = MinMax.published(
        mi="l2", eps=1.0, steps=2, alpha=0.1, mi_weight=0.5, aim=0.0, restore=0.0, mi_steps=0
    )
    first, second = (record.x_adv for record in attack.run(Reconstruction(Constant()), x))
    torch.testing.assert_close(second, (x + (1 + 2 * 0.1 * 0.5) * (first - x)).clamp(0, 1))


def test_the_farthest_successful_iterate_is_kept_and_no_record_calls_it_mi() -> None:
    objective, x = _problem()
    run = MinMax.published(mi="l2", eps=1.0, steps=12, alpha=0.02, mi_steps=0).run(objective, x)
    records = list(run)
    result = run.result
    assert result.success.any()
    for row in result.success.nonzero().flatten().tolist():
        lengths = [
            float((record.x_adv[row] - x[row]).norm()) for record in records if bool(record.success[row])
        ]
        assert float(result.l2[row]) == pytest.approx(max(lengths), rel=1e-5)
    assert result.mi_loop.isnan().all()
    assert all(record.mi.isnan().all() for record in records)
    assert result.spec["mi"] == "l2"
