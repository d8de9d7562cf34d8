"""Projection: within ε up to float32's rounding, as far out as ε, for every ε."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from advmi_core import data, models
from advmi_core.attacks import PGD
from advmi_core.attacks.core.ball import Ball
from advmi_core.objectives import Classification

LEVELS = torch.arange(256) / 255
FAR = 1e-7  # beyond ε: the rounding of x, x̃ and ε
SHORT = 2e-7  # of ε
RADII = [*(k / 255 for k in range(1, 128)), 0.008, 0.016, 0.032]
DRAWN = (
    0.5 * (1 - torch.rand(1000, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
).tolist()


def _pixels(count: int = 256) -> torch.Tensor:
    """One image of one pixel for each of the 256 levels."""
    return LEVELS[:count].clone().view(-1, 1, 1, 1)


def _moved(ball: Ball, direction: int) -> torch.Tensor:
    """How far (float64) each pixel gets that is sent out of ball and box in this direction."""
    out = ball.snap(ball.project(ball.x + 2.0 * direction))
    assert out.min() >= 0
    assert out.max() <= 1
    return (out.double() - ball.x.double()).flatten() * direction


@pytest.mark.fault("A1")
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("direction", [-1, 1])
def test_no_radius_freezes_a_pixel_and_none_lets_one_out(norm: str, direction: int) -> None:
    x = _pixels()
    room = (1 - x if direction > 0 else x).double().flatten()
    for eps in RADII + DRAWN:
        moved = _moved(Ball(x, eps, norm), direction)
        assert (moved <= eps + FAR).all(), eps
        assert (moved >= room.clamp_max(eps) - SHORT).all(), eps


@pytest.mark.fault("A5")
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("direction", [-1, 1])
def test_every_level_within_the_radius_is_reached(norm: str, direction: int) -> None:
    """Also by ε = k/255 itself, where float32 decides whether the k-th level is inside."""
    x = _pixels()
    places = torch.arange(256)
    for eps in RADII + DRAWN:
        moved = _moved(Ball(x, eps, norm, quantize=True), direction)
        assert (moved <= eps + FAR).all(), eps
        steps = int(eps * 255 + 1e-9)
        wanted = (places + direction * steps).clamp(0, 255)
        assert torch.equal((moved * 255).round().long(), (wanted - places).abs()), eps


def test_every_level_in_the_ball_stays_where_it_is() -> None:
    x, away = _pixels(), 8
    for offset in range(-away, away + 1):
        place = (torch.arange(256) + offset).clamp(0, 255)
        level = LEVELS[place].view_as(x)
        assert torch.equal(Ball(x, away / 255, "linf", quantize=True).snap(level), level)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("quantize", [False, True])
@pytest.mark.parametrize("eps", [0.0, 1e-8, 1e-3, 8 / 255, 0.032, 0.1, 0.3, 0.7, 1.0, 5.0])
@pytest.mark.parametrize("shape", [(64, 1, 20, 20), (4, 3, 224, 224)])
def test_inside_idempotent_and_not_timid(
    norm: str, quantize: bool, eps: float, shape: tuple[int, ...]
) -> None:
    stream = torch.Generator().manual_seed(0)
    levels = torch.randint(0, 256, shape, generator=stream) / 255
    for x in (levels, torch.rand(shape, generator=stream)):
        ball = Ball(x, eps, norm, quantize)
        inside = ball.snap(ball.project(x + 3 * torch.randn(shape, generator=stream)))
        assert inside.min() >= 0
        assert inside.max() <= 1
        delta = inside.double() - x.double()
        if norm == "linf":
            assert delta.abs().max() <= eps + FAR
        else:
            rounding = FAR if quantize else 0.0
            assert (delta.flatten(1).norm(dim=1) <= eps * (1 + 1e-6) + rounding).all()
        again = ball.snap(ball.project(inside))
        torch.testing.assert_close(again, inside, rtol=0, atol=FAR)
        if 1e-2 <= eps <= 0.7 and not quantize:
            reached = delta.abs().amax() if norm == "linf" else delta.flatten(1).norm(dim=1).amin()
            timid = 1e-4 if x[0].numel() < 1000 else 3e-4  # where δ is a few units in the last place
            assert reached > eps * (1 - timid)


def test_a_point_inside_stays_where_it_is() -> None:
    x = torch.full((2, 1, 4, 4), 0.5)
    for norm in ("linf", "l2"):
        assert torch.equal(Ball(x, 0.5, norm).project(x + 0.01), x + 0.01)


def test_pictures_off_the_grid_go_to_levels_in_the_ball_or_stay() -> None:
    x = torch.rand(8, 1, 10, 10, generator=torch.Generator().manual_seed(0))
    for eps in (1e-3, 0.01):
        out = Ball(x, eps, "linf", quantize=True).snap(Ball(x, eps, "linf").project(x + 1))
        on_grid = (out * 255).round() / 255 == out
        assert (on_grid | (out == x)).all()
        reachable = ((LEVELS - x.unsqueeze(-1)).abs() <= eps).any(-1)
        assert (on_grid | ~reachable).all()


@pytest.mark.fault("A1")
def test_success_does_not_fall_as_the_radius_grows() -> None:
    """Where an ε froze half of the pixels, PGD fell from 61 to 30 % between two ε."""
    images = data.load("fashion-mnist", split="test")
    model = models.load("cnn", dataset="fashion-mnist")
    objective = Classification(model, images.y[:64])
    rates = [
        float(PGD(eps=k / 1000, steps=10, mi_steps=0)(objective, images.x[:64]).asr) for k in range(24, 42, 2)
    ]
    drops = [before - after for before, after in pairwise(rates)]
    assert max(drops) <= 0.02
    assert rates[-1] - rates[0] > 0.1


@pytest.mark.parametrize("quantize", [False, True])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_radius_for_each_row_is_a_ball_for_each_row(norm: str, quantize: bool) -> None:
    stream = torch.Generator().manual_seed(0)
    radii = [0.0, 0.008, 8 / 255, 0.1, 0.3, 3.0]
    x = torch.randint(0, 256, (len(radii), 1, 9, 8), generator=stream) / 255
    away, slope = (2 * torch.randn(2, *x.shape, generator=stream)).unbind()
    many = Ball(x, torch.tensor(radii), norm, quantize)
    moved = many.snap(many.project(x + away))
    gaps = many.gap(moved, slope)
    for row, eps in enumerate(radii):
        here = slice(row, row + 1)
        one = Ball(x[here], eps, norm, quantize)
        alone = one.snap(one.project(x[here] + away[here]))
        torch.testing.assert_close(moved[here], alone, rtol=0, atol=FAR)  # ε is float32 in a tensor
        torch.testing.assert_close(gaps[here], one.gap(moved[here], slope[here]))
        delta = (moved[row].double() - x[row].double()).flatten()
        reached = float(delta.abs().max() if norm == "linf" else delta.norm())
        assert reached <= eps * (1 + 1e-6) + FAR
        if not quantize and eps < 1:
            assert reached >= eps * (1 - 1e-4) - SHORT
