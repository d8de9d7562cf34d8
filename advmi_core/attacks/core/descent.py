"""Descent on the criterion and the mutual information together, for MinMax and the penalty method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

import torch
from torch import Tensor

from advmi_core.attacks.core.ball import Ball, per_image, steepest
from advmi_core.attacks.core.gradients import mended
from advmi_core.attacks.core.informed import DESCENT_STEPS, WEIGHT, Informed
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.mi_term import MITerm, pulled
from advmi_core.fields import Field
from advmi_core.objectives import Problem
from advmi_core.rng import RowStreams

START = 0  # purpose of the random stream
FIRST_C = 1e-3
SEARCHES = Field(
    "Runs in search of c: c ← (c₋ + c₊) / 2",
    "After each run every image takes the middle between its largest c that failed and its smallest that "
    "succeeded, or ten times its c as long as none did.",
    low=1, offered=(1, 20), main=True,
)  # fmt: skip
AIM = Field(
    "Safety margin a: (f + a · scale)⁺",
    "Published: 0. A little more lets images cross the border instead of creeping up to it.",
    low=0, offered=(0, 10), step=0.01,
)  # fmt: skip
FIRST_WEIGHT = Field(
    "First c", "The weight of f⁺ in the first run; the search goes on from it.",
    low=0, above=True, offered=(1e-6, 1e3), step=0.001,
)  # fmt: skip


class Descended(NamedTuple):
    """The iterate that was looked at, the penalised excess (b,) of its criterion, and where to go next."""

    iterate: Iterate
    excess: Tensor
    following: Tensor


@dataclass(frozen=True, kw_only=True)
class Descent(Informed):
    """Projected gradient descent on F = c·f⁺(x+δ) − s·w·I_θ(x, x+δ); how c is chosen makes the attack.

    The penalised excess is (f + aim·scale)⁺ with the objective's scale, one logit or ‖x − Φ(x)‖². For a
    classifier that is too sure f is divided by ``Problem.unit``: plain gradient steps of a criterion of
    thousands of logits would throw x̃ from edge to edge of its ball. With the published f⁺ (aim 0) the pull
    fades as f nears 0, and many rows approach success without reaching it. The source has w = 1, and one
    critic step an iteration for 1000 of them supervised, 20 for the 40 of UAEs.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"batch_size"})

    steps: Annotated[int, DESCENT_STEPS] = 200
    alpha: Annotated[
        float, Field("Step α of δ", "Plain gradient step.", low=0, above=True, offered=(1e-5, 1), step=0.001)
    ] = 0.01
    start: Annotated[
        float,
        Field(
            "Start: δ uniform in ± start", "Size of the random start.", low=0, offered=(0, 1), step=0.001
        ),
    ] = 0.086  # fmt: skip
    aim: Annotated[float, AIM] = 0.1
    mi: str = "mine-conv"
    mi_weight: Annotated[float, WEIGHT] = 1.0

    def first(self, problem: Problem, ball: Ball, rows: Sequence[int]) -> Tensor:
        """x + δ₁, each row from its own stream."""
        x = problem.x
        noise = RowStreams(self.seed, rows, START, x.device).uniform(*x.shape[1:])
        return ball.project(x + (2 * noise - 1) * self.start)

    def descend(
        self,
        problem: Problem,
        ball: Ball,
        information: MITerm,
        current: Tensor,
        c: Tensor,
        restoring: Tensor,
    ) -> Descended:
        """Look at x̃ = ``current`` (b,C,H,W) and take one step from it, with c (b,).

        Rows marked in ``restoring`` (b,) descend f alone instead, by the steepest step of PGD, of ε/4.
        """
        sign = problem.objective.mi_sign
        x_adv = ball.snap(current).detach().requires_grad_()
        with torch.enable_grad():
            seen = problem.evaluate(x_adv, information.wants_maps)
            excess = seen.criterion / problem.unit + self.aim * problem.scale
            mi, pull = pulled(information, x_adv, seen.maps)
            (slope,) = torch.autograd.grad(excess, x_adv, torch.ones_like(excess))
        x_adv, excess = x_adv.detach(), excess.detach()
        on_f = torch.where(excess < 0, 0.0, torch.where(restoring, 1.0, c))
        on_mi = torch.where(restoring, 0.0, -sign * self.mi_weight)
        gradient = per_image(on_f, slope) * slope + per_image(on_mi, pull) * pull
        gradient, lost = mended(gradient, x_adv, seen.clear, of_model=slope, reached=excess <= 0)
        # An output that is not finite says nothing of c, which would never be finite again.
        excess = excess.clamp_min(0).nan_to_num(0, posinf=0)
        iterate = Iterate(
            x_adv=x_adv,
            evaluation=seen.detached(),
            eligible=seen.clear & (mi > 0) if sign < 0 and information.nats else seen.clear,
            score=sign * mi,
            mi=mi if information.nats else torch.full_like(mi, torch.nan),
            c=c,
            gap=torch.hypot(ball.gap(x_adv, gradient), excess),
            lost=lost,
        )
        move = torch.where(
            per_image(restoring, gradient),
            self.eps / 4 * steepest(gradient, self.norm),
            self.alpha * gradient,
        )
        return Descended(iterate, excess, ball.project(current - move))
