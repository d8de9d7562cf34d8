"""FAB with targets: short perturbations by steps onto the linearised border [Croce & Hein 2020, arXiv
1907.02044, algorithm 1]."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from advmi_core.attacks.core.ball import TINIEST, Ball, per_image
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.value_and_grad import glance, look
from advmi_core.objectives import Evaluation, Problem

_TOWARDS_X = 0.1  # largest weight α of the step from x
_OVERSHOOT = 1.05  # η
_BACK = 0.9  # β, towards x after a success


def fab(problem: Problem, ball: Ball, target: Tensor, true: Tensor, steps: int) -> Iterator[Iterate]:
    """Look for the shortest δ that the class ``target`` (b,) wins over ``true`` (b,): ``steps`` iterates.

    The search itself is unbounded, as published; each iterate is the point of the ball nearest to where the
    search stands, so a step costs three forward passes.
    """
    x = problem.x

    def lead(seen: Evaluation) -> Tensor:
        ahead = seen.output.gather(1, target.unsqueeze(1)) - seen.output.gather(1, true.unsqueeze(1))
        return ahead.squeeze(1)

    current = x
    for _ in range(steps):
        _, ahead, slope, lost = look(problem, current, lead)
        # A row without a slope stays where it is; what remains does not change with the scale of the logits.
        unit = slope.flatten(1).abs().amax(1).clamp_min(TINIEST)
        slope = torch.where(per_image(lost, x), 0.0, slope / per_image(unit, slope))
        ahead = torch.where(lost, 0.0, ahead / unit).nan_to_num(0)
        # The border of the linearised classifiers: the points z with ⟨slope, z⟩ = ⟨slope, current⟩ − ahead.
        wanted = ((current - x) * slope).flatten(1).sum(1) - ahead
        from_here = reach_plane(current, slope, -ahead, ball.norm)
        from_x = reach_plane(x, slope, wanted, ball.norm)
        near, far = (_size(step, ball.norm) for step in (from_here, from_x))
        weight = per_image((near / (near + far).clamp_min(1e-30)).clamp_max(_TOWARDS_X), x)
        stays, pulled = current + _OVERSHOOT * from_here, x + _OVERSHOOT * from_x
        current = torch.lerp(stays, pulled, weight).clamp(0, 1)
        crossed = glance(problem, current).success
        x_adv = ball.snap(ball.project(current))
        yield Iterate.of(x_adv, glance(problem, x_adv), passes=3, lost=lost)
        current = torch.where(per_image(crossed, x), x + _BACK * (current - x), current)


def reach_plane(x: Tensor, slope: Tensor, gain: Tensor, norm: str) -> Tensor:
    """The shortest step δ with ⟨slope, δ⟩ = gain and x + δ in [0,1]; the whole way where that is too short.

    Every pixel moves along sign(slope), or along slope in L2, until it meets the box: δ = clamp(x + λd) − x
    with the smallest λ that gains enough. The gain is piecewise linear in λ, so λ is found by sorting.

    Args:
        x: (b,C,H,W) in [0,1].
        slope: (b,C,H,W).
        gain: (b,), of either sign.
        norm: in which δ is short, ``"linf"`` or ``"l2"``.
    """
    sign = per_image(gain.sign(), x)
    direction = sign * (slope.sign() if norm == "linf" else slope)
    room = torch.where(direction > 0, 1 - x, x)
    ends = (room / direction.abs()).nan_to_num(0, posinf=0).flatten(1)  # λ at which a pixel meets the box
    order = ends.argsort(1)
    ends = ends.gather(1, order)
    rate = (slope * direction).abs().flatten(1).gather(1, order)
    still = rate.sum(1, keepdim=True) - rate.cumsum(1) + rate  # rate of all pixels that move up to each end
    widths = ends.diff(dim=1, prepend=torch.zeros_like(ends[:, :1]))
    gained = (widths * still).cumsum(1)
    piece = torch.searchsorted(gained, gain.abs().unsqueeze(1)).clamp_max(ends.shape[1] - 1)
    missing = gained.gather(1, piece) - gain.abs().unsqueeze(1)
    slack = missing.clamp_min(0) / still.gather(1, piece).clamp_min(1e-30)
    length = (ends.gather(1, piece) - slack).clamp_min(0)
    return (x + per_image(length.squeeze(1), x) * direction).clamp(0, 1) - x


def _size(step: Tensor, norm: str) -> Tensor:
    flat = step.flatten(1)
    return flat.abs().amax(1) if norm == "linf" else flat.norm(dim=1)
