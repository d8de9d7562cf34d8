"""One look at x̃ with its gradient, and iterates of which only some rows were computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from advmi_core.attacks.core.gradients import mended
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.objectives import Evaluation, Problem

Loss = Callable[[Evaluation], Tensor]


class Look(NamedTuple):
    """One forward and backward pass at x̃, detached: its evaluation, the loss (b,), and its gradient at x̃.

    The gradient is finite: ``lost`` (b,) bool are the rows that have a random direction in its place.
    """

    seen: Evaluation
    loss: Tensor
    gradient: Tensor
    lost: Tensor


def look(problem: Problem, x_adv: Tensor, loss: Loss) -> Look:
    """Evaluate ``loss``, (b,) of an evaluation, at ``x_adv`` (b,C,H,W); gradients go to the image alone."""
    leaf = x_adv.detach().requires_grad_()
    with torch.enable_grad():
        seen = problem.evaluate(leaf)
        value = loss(seen)
        (gradient,) = torch.autograd.grad(value, leaf, torch.ones_like(value))
    return Look(seen.detached(), value.detach(), *mended(gradient, leaf.detach(), seen.clear))


def glance(problem: Problem, x_adv: Tensor) -> Evaluation:
    """Evaluate ``x_adv`` (b,C,H,W) without a gradient."""
    with torch.no_grad():
        return problem.evaluate(x_adv).detached()


def some(problem: Problem, rows: Tensor) -> Problem:
    """The problem on the images at these positions (r,) int64."""
    return replace(problem, x=problem.x[rows], clean=problem.clean[rows], reference=problem.reference[rows])


def merge(whole: Iterate, rows: Tensor, part: Iterate) -> Iterate:
    """``whole`` with ``part`` at the positions ``rows`` (r,) int64; the other rows cost no pass this time."""

    def put(old: Tensor, new: Tensor) -> Tensor:
        return old.index_copy(0, rows, new)

    old, new, old_lost = whole.evaluation, part.evaluation, whole.lost
    names = ("x_adv", "eligible", "score", "mi", "c", "gap")
    passes = torch.zeros(len(whole.x_adv), dtype=torch.int64, device=rows.device)
    passes[rows] = part.passes
    return Iterate(
        evaluation=Evaluation(
            criterion=put(old.criterion, new.criterion),
            output=put(old.output, new.output),
            maps=None,
            success=put(old.success, new.success),
            clear=put(old.clear, new.clear),
        ),
        passes=passes,
        lost=None if old_lost is None or part.lost is None else put(old_lost, part.lost),
        **{name: put(getattr(whole, name), getattr(part, name)) for name in names},
    )
