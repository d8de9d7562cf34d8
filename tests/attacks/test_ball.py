"""Projection: exactly inside, idempotent, and as far out as it may."""

from __future__ import annotations

import pytest
import torch

from advmi_core.attacks.ball import Ball


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("eps", [0.0, 1e-8, 1e-3, 8 / 255, 0.1, 0.3, 0.7, 1.0, 5.0])
def test_projection_is_exact_idempotent_and_not_timid(norm: str, eps: float) -> None:
    stream = torch.Generator().manual_seed(0)
    levels = torch.randint(0, 256, (64, 1, 20, 20), generator=stream) / 255
    for x in (levels, torch.rand(levels.shape, generator=stream)):
        ball = Ball(x, eps, norm)
        inside = ball.project(x + 3 * torch.randn(x.shape, generator=stream))
        assert inside.min() >= 0
        assert inside.max() <= 1
        for delta in (inside - x, inside.double() - x.double()):
            size = delta.abs().flatten(1).amax(1) if norm == "linf" else delta.flatten(1).norm(dim=1)
            assert (size.double() <= eps).all()
        assert torch.equal(ball.project(inside), inside)
        if 1e-2 <= eps <= 0.7:
            reached = (
                (inside - x).abs().amax() if norm == "linf" else (inside - x).flatten(1).norm(dim=1).amin()
            )
            assert reached > eps * (1 - 1e-4)


def test_a_point_inside_stays_where_it_is() -> None:
    x = torch.full((2, 1, 4, 4), 0.5)
    for norm in ("linf", "l2"):
        assert torch.equal(Ball(x, 0.5, norm).project(x + 0.01), x + 0.01)
