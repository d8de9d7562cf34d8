"""DDN: the shortest adversarial perturbation by decoupling its direction from its norm [Rony et al. 2019,
arXiv 1811.09600, algorithm 1]."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from advmi_core.attacks.core.ball import Ball, per_image, steepest
from advmi_core.attacks.core.base import Attack, need_labels
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.value_and_grad import look
from advmi_core.attacks.pgd import LOSSES
from advmi_core.objectives import Objective, Problem
from advmi_core.validate import check_choice, check_number

_LAST_STEP = 0.01  # length of the last gradient step, where the cosine ends


@dataclass(frozen=True, kw_only=True)
class DDN(Attack):
    """δ ← ν·(δ + α·g/‖g‖)/‖δ + α·g/‖g‖‖, and the norm ν ← (1 − γ)·ν after a success, (1 + γ)·ν otherwise.

    A minimal-norm attack: among the adversarial iterates the shortest is kept. It searches inside the ball
    only: ν never exceeds eps, so a row that would need a longer δ is flagged as failed and holds the iterate
    with the smallest criterion. An eps as large as the images (√(C·H·W)) bounds nothing. Nothing is random:
    the seed only reaches the MI that is measured afterwards.

    Attributes:
        eps: largest L2 norm of a perturbation that counts.
        steps: iterations; α falls from 1 to 0.01 along a cosine.
        gamma: γ in (0,1), by which the norm changes.
        first_norm: ν > 0 of the first step.
        loss: ``"ce"`` ascends the cross entropy of the true label (descends the target's), for Classification
            only; ``"margin"`` descends the criterion f.

    Example:
        >>> result = DDN(eps=0.5, steps=20)(Classification(model, y), x)  # doctest: +SKIP
    """

    name: ClassVar[str] = "ddn"
    norms: ClassVar[tuple[str, ...]] = ("l2",)

    eps: float = 0.5
    steps: int = 20
    norm: str = "l2"
    gamma: float = 0.05
    first_norm: float = 1.0
    loss: str = "ce"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.gamma, "gamma", low=0, high=1, above=True)
        if self.gamma == 1:
            raise ValueError("gamma must be < 1, got 1")
        check_number(self.first_norm, "first_norm", low=0, above=True)
        check_choice(self.loss, "loss", LOSSES)

    def check(self, objective: Objective) -> None:
        if self.loss == "ce":
            need_labels(objective, 'loss="ce"')

    def iterates(self, problem: Problem, ball: Ball, rows: Sequence[int]) -> Iterator[Iterate]:
        x = problem.x
        current = x
        length = torch.full((len(x),), min(self.first_norm, self.eps), device=x.device)
        for step in range(self.steps):
            x_adv = ball.snap(current)
            seen, _, gradient, lost = look(
                problem, x_adv, problem.log_odds if self.loss == "ce" else lambda seen: seen.criterion
            )
            yield Iterate.of(
                x_adv,
                seen,
                score=-(x_adv - x).flatten(1).norm(dim=1),
                gap=ball.gap(x_adv, gradient),
                lost=lost,
            )
            # The first look is at x itself and says nothing about the first norm.
            if step:
                factor = torch.where(seen.clear, 1 - self.gamma, 1 + self.gamma)
                length = (length * factor).clamp_max(self.eps)
            direction = current - x - self._alpha(step) * steepest(gradient, "l2")
            current = ball.project(x + per_image(length, x) * steepest(direction, "l2"))

    def _alpha(self, step: int) -> float:
        """Length of the gradient step, annealed along a cosine."""
        progress = step / max(1, self.steps - 1)
        return _LAST_STEP + (1 - _LAST_STEP) * (1 + math.cos(math.pi * progress)) / 2
