"""APGD: projected gradient steps with momentum whose length halves by itself [Croce & Hein 2020, arXiv
2003.01690, algorithm 1]."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from advmi_core.attacks.core.ball import Ball, per_image, steepest
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.value_and_grad import Loss, look
from advmi_core.objectives import Evaluation, Problem

_MOMENTUM = 0.75  # weight of the new step
_RISES = 0.75  # of the steps between two checks must have improved the loss
_FIRST, _LEAST, _SHORTER = 0.22, 0.06, 0.03  # between checks: first, smallest, and by how much it shrinks


def apgd(problem: Problem, ball: Ball, start: Tensor, loss: Loss, steps: int) -> Iterator[Iterate]:
    """Descend ``loss``, (b,) of an evaluation, from ``start`` (b,C,H,W): ``steps`` iterates, one pass each.

    A row's step begins at 2ε. It is halved, and the row goes back to its best iterate, when too few of the
    steps since the last check improved the loss, or when the best loss and the step are those of the last
    check.
    """
    current = previous = best = ball.project(start)
    length = torch.full((len(start),), 2 * ball.eps, device=start.device)
    lowest = torch.full_like(length, torch.inf)
    last = -lowest
    best_checked, halved = lowest, torch.ones_like(length, dtype=torch.bool)
    rises, since, window = torch.zeros_like(length), 0, max(1, int(_FIRST * steps))
    best_gradient = torch.zeros_like(start)
    for step in range(steps):
        x_adv = ball.snap(current)
        seen, value, gradient, lost = look(problem, x_adv, loss)
        gap = ball.gap(x_adv, gradient)
        yield Iterate.of(x_adv, seen, gap=gap, lost=lost)
        better = per_image(value < lowest, current)
        best = torch.where(better, current, best)
        best_gradient = torch.where(better, gradient, best_gradient)
        lowest = torch.minimum(value, lowest)
        rises, since, last = rises + (value < last), since + (step > 0), value
        if since == window:
            shorter = (rises <= _RISES * window) | (~halved & (lowest >= best_checked))
            halved, best_checked = shorter, lowest
            length = torch.where(shorter, length / 2, length)
            back = per_image(shorter, current)
            current, gradient = torch.where(back, best, current), torch.where(back, best_gradient, gradient)
            rises, since = torch.zeros_like(rises), 0
            window = max(window - max(1, int(_SHORTER * steps)), max(1, int(_LEAST * steps)))
        ahead = ball.project(current - per_image(length, current) * steepest(gradient, ball.norm))
        weight = _MOMENTUM if step else 1.0
        following = ball.project(current + weight * (ahead - current) + (1 - weight) * (current - previous))
        previous, current = current, following


def targeted_ratio(target: Tensor, true: Tensor) -> Loss:
    """DLR of a target, (z_y − z_t) / (z_π₁ − ½(z_π₃ + z_π₄)), to descend [eq. 7].

    With three classes the third stands for the fourth; with two the ratio is constant, so z_y − z_t it is.

    Args:
        target, true: (b,) int64 labels t and y.
    """

    def loss(seen: Evaluation) -> Tensor:
        logits = seen.output
        gained = logits.gather(1, target.unsqueeze(1)) - logits.gather(1, true.unsqueeze(1))
        if logits.shape[1] < 3:
            return -gained.squeeze(1)
        ordered = logits.sort(dim=1, descending=True).values
        third, fourth = ordered[:, 2], ordered[:, min(3, logits.shape[1] - 1)]
        return -gained.squeeze(1) / (ordered[:, 0] - (third + fourth) / 2 + 1e-12)

    return loss
