"""The L2 attack of Carlini and Wagner: the shortest δ, by a penalty and a search over its weight [Carlini &
Wagner 2017, arXiv 1608.04644, sec. VI-A]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from advmi_core.attacks.core.about import About, Use, Variant
from advmi_core.attacks.core.ball import Ball
from advmi_core.attacks.core.base import L2_ONLY, LENGTH, Attack
from advmi_core.attacks.core.descent import AIM, FIRST_WEIGHT, SEARCHES
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.value_and_grad import Look, look, merge, some
from advmi_core.attacks.penalty import next_c
from advmi_core.fields import Field
from advmi_core.objectives import Evaluation, Objective, Problem

_DECAY, _DECAY_OF_SQUARES, _TINY = 0.9, 0.999, 1e-8  # Adam's, as published
_CHECKS = 10  # looks at the progress per run
_PROGRESS = 0.9999  # of the last check's loss


@dataclass(frozen=True, kw_only=True)
class CW(Attack):
    """min_δ ‖δ‖₂² + c·f⁺(x+δ) by Adam, run after run with a better c; f is the objective's criterion.

    A minimal-norm attack: among the adversarial iterates of all runs the shortest is kept. It searches inside
    the ball only, so a row that would need a δ longer than eps is flagged as failed and holds the iterate
    with the smallest criterion. An eps as large as the images (√(C·H·W)) bounds nothing.

    Box and ball are kept by projection. The published change of variables, x̃ = ½(tanh w + 1), cannot move a
    pixel that is exactly 0 or 1, since tanh has no slope there. Every row searches, stalls and stops for
    itself. Nothing is random, so the seed only reaches the MI that is measured afterwards.

    ``searches``·``steps`` iterations in all; a row whose loss did not fall by 0.01 % over a tenth of a run
    stops until the next one. What is penalised is (f + aim·scale)⁺ with the objective's scale, one logit or
    ‖x − Φ(x)‖². With the published aim of 0 nothing would move where f is 0 at x itself, as it is for a
    reconstruction. For a classifier that is too sure f is divided by ``Problem.unit``, so that c has the
    scale it is searched on.

    Example:
        >>> result = CW(eps=0.5, steps=20, step_size=0.01)(Classification(model, y), x)  # doctest: +SKIP
    """

    name: ClassVar[str] = "cw"
    about: ClassVar[About] = About(
        "Carlini–Wagner (shortest δ)",
        "Carlini & Wagner 2017, arXiv 1608.04644, sec. VI-A",
        Use(
            r"\min_\delta\ \|\delta\|_2^2+c\,f^+(x{+}\delta)",
            {
                "interactive": {"eps": 1.0, "steps": 40, "searches": 5},
                "paper": {"eps": 0.5, "steps": 20},
            },
        ),
        variants={
            "cw": Variant("CW", {"searches": 5, "steps": 50, "first_c": 1.0}, bounded=False),
        },
    )

    eps: Annotated[float, LENGTH] = 0.5
    steps: int = 100
    norm: Annotated[str, L2_ONLY] = "l2"
    step_size: Annotated[
        float,
        Field(
            "Adam's step", "Grey levels. Published: 0.01.", low=0, above=True, offered=(1e-5, 1), step=0.001
        ),
    ] = 0.01  # fmt: skip
    searches: Annotated[int, SEARCHES] = 9
    first_c: Annotated[float, FIRST_WEIGHT] = 0.1
    aim: Annotated[float, AIM] = 0.01

    @property
    def iterations(self) -> int:
        return self.searches * self.steps

    def check(self, objective: Objective) -> None:
        """Every objective has a criterion."""

    def iterates(self, problem: Problem, ball: Ball, rows: Sequence[int]) -> Iterator[Iterate]:
        c = torch.full((len(problem),), self.first_c, device=problem.x.device)
        lower, upper = torch.zeros_like(c), torch.full_like(c, torch.inf)
        for _ in range(self.searches):
            won = torch.zeros_like(c, dtype=torch.bool)
            for iterate in self._descend(problem, ball, c):
                won |= iterate.eligible
                yield iterate
            lower, upper = torch.where(won, lower, c), torch.where(won, c, upper)
            c = next_c(c, lower, upper)

    def _descend(self, problem: Problem, ball: Ball, c: Tensor) -> Iterator[Iterate]:
        """One run from x with c (b,) fixed; rows that stall wait for its end."""
        x = problem.x
        current, mean, squares = x, torch.zeros_like(x), torch.zeros_like(x)
        live, checked = torch.arange(len(x), device=x.device), torch.full_like(c, torch.inf)
        whole: Iterate | None = None
        for step in range(1, self.steps + 1):
            if whole is not None and not len(live):
                yield replace(whole, passes=0)
                continue
            x_adv = ball.snap(current)
            seen, loss, pull, lost = self._look(some(problem, live), x_adv[live], c[live])
            gradient = torch.zeros_like(x).index_copy(0, live, pull)
            mean = mean.lerp(gradient, 1 - _DECAY)
            squares = squares.lerp(gradient.square(), 1 - _DECAY_OF_SQUARES)
            gap = ball.gap(x_adv, gradient)
            length = (x_adv - x).flatten(1).norm(dim=1)
            part = Iterate.of(x_adv[live], seen, score=-length[live], c=c[live], gap=gap[live], lost=lost)
            whole = part if whole is None else merge(whole, live, part)
            yield whole
            move = mean / (1 - _DECAY**step) / ((squares / (1 - _DECAY_OF_SQUARES**step)).sqrt() + _TINY)
            following = ball.project(current - self.step_size * move)
            current = current.index_copy(0, live, following[live])
            if step % max(1, self.steps // _CHECKS) == 0:
                moving = loss <= _PROGRESS * checked[live]
                checked = checked.index_copy(0, live, loss)
                live = live[moving]

    def _look(self, problem: Problem, x_adv: Tensor, c: Tensor) -> Look:
        """‖δ‖² + c·f⁺ and its gradient."""

        unit = problem.unit

        def penalty(seen: Evaluation) -> Tensor:
            return c * (seen.criterion / unit + self.aim * problem.scale).clamp_min(0)

        seen, loss, gradient, lost = look(problem, x_adv, penalty)
        delta = x_adv - problem.x
        return Look(seen, loss + delta.flatten(1).square().sum(1), gradient + 2 * delta, lost)
