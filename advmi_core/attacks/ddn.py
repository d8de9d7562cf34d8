"""DDN: the shortest adversarial perturbation by decoupling its direction from its norm [Rony et al. 2019,
arXiv 1811.09600, algorithm 1]."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from advmi_core.attacks.core.about import About, Use, Variant
from advmi_core.attacks.core.ball import Ball, per_image, steepest
from advmi_core.attacks.core.base import L2_ONLY, LENGTH, Attack, need_labels
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.value_and_grad import look
from advmi_core.attacks.pgd import LOSS
from advmi_core.fields import Field
from advmi_core.objectives import Objective, Problem

_LAST_STEP = 0.01  # length of the last gradient step, where the cosine ends


@dataclass(frozen=True, kw_only=True)
class DDN(Attack):
    """δ ← ν·(δ + α·g/‖g‖)/‖δ + α·g/‖g‖‖, and the norm ν ← (1 − γ)·ν after a success, (1 + γ)·ν otherwise.

    A minimal-norm attack: among the adversarial iterates the shortest is kept. It searches inside the ball
    only: ν never exceeds eps, so a row that would need a longer δ is flagged as failed and holds the iterate
    with the smallest criterion. An eps as large as the images (√(C·H·W)) bounds nothing. Nothing is random:
    the seed only reaches the MI that is measured afterwards.

    α falls from 1 to 0.01 along a cosine. The loss ``"ce"`` ascends the cross entropy of the true label
    (descends the target's), for Classification only; ``"margin"`` descends the criterion f.

    Example:
        >>> result = DDN(eps=0.5, steps=20)(Classification(model, y), x)  # doctest: +SKIP
    """

    name: ClassVar[str] = "ddn"
    about: ClassVar[About] = About(
        "DDN (shortest δ)",
        "Rony et al. 2019, arXiv 1811.09600, algorithm 1",
        Use(
            r"\delta\leftarrow\nu\,\frac{\delta+\alpha g/\|g\|}{\|\delta+\alpha g/\|g\|\|},"
            r"\ \nu\leftarrow(1\mp\gamma)\,\nu",
            {"interactive": {"eps": 1.0, "steps": 40}, "paper": {"eps": 0.5, "steps": 20}},
        ),
        variants={"ddn": Variant("DDN", {"steps": 50}, bounded=False)},
    )

    eps: Annotated[float, LENGTH] = 0.5
    steps: int = 20
    norm: Annotated[str, L2_ONLY] = "l2"
    gamma: Annotated[
        float,
        Field(
            "Change of the norm γ: ν ← (1 ∓ γ) ν",
            "δ is made so much shorter after a success, so much longer otherwise.",
            low=0, high=1, above=True, below=True, offered=(0.001, 0.5), step=0.01, main=True,
        ),
    ] = 0.05  # fmt: skip
    first_norm: Annotated[
        float,
        Field(
            "First norm ν", "Length of δ in the first step.",
            low=0, above=True, offered=(0.001, 100), step=0.1,
        ),
    ] = 1.0  # fmt: skip
    loss: Annotated[str, LOSS] = "ce"

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
