"""Square: random search with squares that shrink, without any gradient [Andriushchenko et al. 2020, arXiv
1912.00049, algorithms 1 to 3]."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from advmi_core.attacks.core.ball import Ball, per_image
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.value_and_grad import glance, merge, some
from advmi_core.objectives import Problem
from advmi_core.rng import RowStreams

_SHARE = 0.8  # of the image's pixels in the first square
_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # queries after which the share is halved
_TILES = 5  # bumps along a side of the first δ in L2


def square(problem: Problem, ball: Ball, streams: RowStreams, queries: int) -> Iterator[Iterate]:
    """Descend the criterion by at most ``queries`` iterates, one pass each; a row that succeeded rests."""
    x = problem.x
    change, first = (_recolour, _stripes) if ball.norm == "linf" else (_regroup, _bumps)
    delta = candidate = first(x, streams) * ball.eps
    chances = streams.uniform(queries, 5 + x.shape[1])
    lowest = torch.full((len(x),), torch.inf, device=x.device)
    live = torch.arange(len(x), device=x.device)
    whole: Iterate | None = None
    for query in range(queries):
        if not len(live):
            return
        x_adv = ball.snap(ball.project(x + candidate))
        part = Iterate.of(x_adv[live], glance(some(problem, live), x_adv[live]))
        whole = part if whole is None else merge(whole, live, part)
        yield whole
        better = whole.evaluation.criterion < lowest
        lowest = torch.minimum(whole.evaluation.criterion, lowest)
        delta = torch.where(per_image(better, x), candidate, delta)
        live = live[~part.eligible]
        share = _SHARE / 2 ** sum(query >= limit for limit in _HALVINGS)
        candidate = change(delta, ball.eps, share, chances[:, query])


def _stripes(x: Tensor, streams: RowStreams) -> Tensor:
    """L∞: vertical stripes of ±1."""
    _, channels, _, width = x.shape
    return _signs(streams.uniform(channels, 1, width)).expand_as(x)


def _recolour(delta: Tensor, eps: float, share: float, chances: Tensor) -> Tensor:
    """L∞: a square becomes ±ε in each channel; if that is what it was, the opposite."""
    height, width = delta.shape[-2:]
    side = min(max(round(math.sqrt(share * height * width)), 1), height, width)
    inside = _placed(delta.new_ones(len(delta), side, side), chances[:, :2], height, width)[:, None] > 0
    colour = eps * _signs(chances[:, 5:])[:, :, None, None]
    same = ((delta == colour) | ~inside).flatten(1).all(1)
    return torch.where(inside, torch.where(per_image(same, delta), -colour, colour), delta)


def _bumps(x: Tensor, streams: RowStreams) -> Tensor:
    """L2: bumps of either sign side by side, of length 1 together."""
    channels, height, width = x.shape[1:]
    side = max(1, min(height, width) // _TILES)
    rows, columns = height // side, width // side
    signs = _signs(streams.uniform(channels, rows, columns))
    tiled = torch.einsum("bcij,rs->bcirjs", signs, _bump(side).to(x)).reshape(
        len(x), channels, rows * side, columns * side
    )
    delta = torch.zeros_like(x)
    delta[:, :, : rows * side, : columns * side] = tiled
    return _unit(delta, (1, 2, 3))


def _regroup(delta: Tensor, eps: float, share: float, chances: Tensor) -> Tensor:
    """L2: one window gives up its share of ‖δ‖², another takes it as a bump on top of what it had."""
    channels, height, width = delta.shape[1:]
    side = max(round(math.sqrt(share * height * width)), 3)
    side = min(side + 1 - side % 2, height, width)
    bump = _bump(side).to(delta)
    bumps = torch.where(chances[:, 4, None, None] < 0.5, bump, bump.T)
    whole = torch.ones_like(bumps)
    taking, giving = (_placed(whole, chances[:, at : at + 2], height, width)[:, None] for at in (0, 2))
    added = _placed(bumps, chances[:, :2], height, width)[:, None] * _signs(chances[:, 5:])[:, :, None, None]
    fresh = _unit(added + _unit(delta * taking, (2, 3)), (2, 3))
    free = (eps**2 - delta.square().sum((1, 2, 3), keepdim=True)).clamp_min(0) / channels
    freed = (delta * torch.maximum(taking, giving)).square().sum((2, 3), keepdim=True)
    moved = torch.where(taking > 0, fresh * (free + freed).sqrt(), delta * (1 - giving))
    return eps * _unit(moved, (1, 2, 3))


def _bump(side: int) -> Tensor:
    """(side,side) two peaks of opposite sign above each other, of length 1."""
    upper, lower = _peak(side // 2, side), -_peak(side - side // 2, side)
    return _unit(torch.cat([upper, lower]), (0, 1))


def _peak(height: int, width: int) -> Tensor:
    """(height,width): Σ 1/(k+1)² over all squares around the middle, of reach k, that hold the pixel."""
    if not height:
        return torch.zeros(0, width)
    down, across = (torch.arange(length) - length // 2 for length in (height, width))
    reach = torch.maximum(down.abs()[:, None], across.abs())
    weights = 1 / torch.arange(1, max(height, width) // 2 + 2).square()
    return weights.flip(0).cumsum(0).flip(0)[reach]


def _placed(pattern: Tensor, chances: Tensor, height: int, width: int) -> Tensor:
    """(b,height,width): patterns (b,s,s) at random places, told by two chances (b,2), 0 around them."""
    side = pattern.shape[-1]
    room = torch.tensor([height - side + 1, width - side + 1], device=pattern.device)
    top, left = (chances * room).long().unbind(1)
    down = torch.arange(height, device=pattern.device) - top[:, None]
    across = torch.arange(width, device=pattern.device) - left[:, None]
    inside = ((down >= 0) & (down < side))[:, :, None] & ((across >= 0) & (across < side))[:, None, :]
    row = torch.arange(len(pattern), device=pattern.device)[:, None, None]
    values = pattern[row, down.clamp(0, side - 1)[:, :, None], across.clamp(0, side - 1)[:, None, :]]
    return values * inside


def _signs(chances: Tensor) -> Tensor:
    return torch.where(chances < 0.5, 1.0, -1.0)


def _unit(values: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Scaled to length 1 over these axes; 0 stays 0."""
    length = values.square().sum(axes, keepdim=True).sqrt()
    return values / length.clamp_min(1e-10)
