"""Projected gradient descent on criterion or cross entropy [Madry et al. 2018, arXiv 1706.06083]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor

from advmi_core.attacks.core.about import About, Use, Variant
from advmi_core.attacks.core.ball import Ball, per_image, steepest
from advmi_core.attacks.core.base import STEP_SIZE
from advmi_core.attacks.core.descent import START
from advmi_core.attacks.core.gradients import Mended, mended
from advmi_core.attacks.core.informed import DESCENT_STEPS, WEIGHT, Informed, without_term
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.mi_term import MITerm, pulled
from advmi_core.fields import Field
from advmi_core.objectives import Classification, Evaluation, Objective, Problem
from advmi_core.rng import RowStreams

LOSS = Field(
    "Loss", "margin: the criterion f itself; ce: cross-entropy.",
    choices={"margin": "margin f", "ce": "cross-entropy"}, main=True,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PGD(Informed):
    """x̃ ← Π(x̃ − η·direction of ∇(loss − s·w·I)); the direction is the sign for L∞, the unit vector for L2.

    η is ``step_size``, without one ε/4 [NAMID's setting]; ε may be one number for each row. The loss
    ``"margin"`` descends the criterion f, as MinMax does; ``"ce"`` ascends the log odds of a wrong label (or
    of the target), for Classification only: the direction of the cross entropy, which itself has no gradient
    left where the model is sure. With w > 0 it is penalised by the MI ``mi``, with MinMax's sign s.
    """

    name: ClassVar[str] = "pgd"
    by_row: ClassVar[tuple[str, ...]] = ("eps",)

    about: ClassVar[About] = About(
        "PGD (baseline)",
        "Madry et al. 2018, arXiv 1706.06083",
        Use(
            r"\delta_{t+1}=\Pi_\varepsilon\big(\delta_t-\alpha\,\mathrm{step}(\nabla_\delta f)\big)",
            {
                "interactive": {"eps": 0.3, "steps": 40},
                "paper": {"eps": 1.0, "steps": 1000, "loss": "margin"},
            },
        ),
        variants={
            "pgd": Variant("PGD margin", {"loss": "margin"}),
            "pgd-ce": Variant("PGD cross-entropy", {"loss": "ce"}),
        },
    )

    steps: Annotated[int, DESCENT_STEPS] = 40
    step_size: Annotated[float | None, STEP_SIZE] = None
    loss: Annotated[str, LOSS] = "margin"
    mi_weight: Annotated[float, WEIGHT] = 0.0
    random_start: Annotated[bool, Field("Random start", "Begin at a random point of the ball.")] = True

    def check(self, objective: Objective) -> None:
        if self.loss == "ce" and not isinstance(objective, Classification):
            raise ValueError(
                f'loss="ce" needs a Classification objective, got {type(objective).__name__}; '
                'use loss="margin"'
            )
        super().check(objective)

    @property
    def weighs(self) -> bool:
        return self.mi_weight > 0

    def spec(self) -> dict[str, Any]:
        return super().spec() if self.weighs else without_term(super().spec())

    def iterates(self, problem: Problem, ball: Ball, rows: Sequence[int]) -> Iterator[Iterate]:
        x = problem.x
        current = x
        eps = per_image(self.row_numbers(self.eps, x), x) if isinstance(self.eps, tuple) else self.eps
        if self.random_start:
            noise = RowStreams(self.seed, rows, START, x.device).uniform(*x.shape[1:])
            current = ball.project(x + (2 * noise - 1) * eps)
        information = self.information(problem, rows) if self.weighs else None
        unknown = torch.full((len(x),), torch.nan, device=x.device)
        step_size = eps / 4 if self.step_size is None else self.step_size
        for _ in range(self.steps):
            x_adv = ball.snap(current).detach().requires_grad_()
            with torch.enable_grad():
                seen = problem.evaluate(x_adv, information is not None and information.wants_maps)
                (gradient, lost), mi = self._gradient(problem, x_adv, seen, information)
            x_adv = x_adv.detach()
            yield Iterate(
                x_adv=x_adv,
                evaluation=seen.detached(),
                eligible=seen.clear,
                score=-seen.criterion.detach(),
                mi=unknown if mi is None else mi,
                c=unknown,
                gap=ball.gap(x_adv, gradient),
                lost=lost,
            )
            current = ball.project(current - step_size * steepest(gradient, self.norm))

    def _gradient(
        self, problem: Problem, x_adv: Tensor, seen: Evaluation, information: MITerm | None
    ) -> tuple[Mended, Tensor | None]:
        """∇(loss − s·w·I) and, where it is part of the loss, the MI (b,)."""
        loss = seen.criterion if self.loss == "margin" else problem.log_odds(seen)
        if information is None:
            (slope,) = torch.autograd.grad(loss, x_adv, torch.ones_like(loss))
            return mended(slope, x_adv.detach(), seen.clear), None
        mi, pull = pulled(information, x_adv, seen.maps)
        (slope,) = torch.autograd.grad(loss, x_adv, torch.ones_like(loss))
        gradient = slope - problem.objective.mi_sign * self.mi_weight * pull
        found = mended(gradient, x_adv.detach(), seen.clear, of_model=slope)
        return found, mi if information.nats else None
