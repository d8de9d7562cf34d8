"""What MinMax and the penalty method share: descent on the criterion and the mutual information together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from advmi_core.attacks.core.ball import Ball, per_image, steepest
from advmi_core.attacks.core.base import Attack, Iterate
from advmi_core.attacks.core.gradients import mended
from advmi_core.attacks.core.mi_term import MI_TERMS, MITerm, check_sampling, make_term, named
from advmi_core.mi.bounds import BOUNDS
from advmi_core.mi.pairs import PAIRS
from advmi_core.objectives import Objective, Problem
from advmi_core.rng import RowStreams
from advmi_core.validate import check_choice, check_count, check_number

START = 0  # purpose of the random stream
FIRST_C = 1e-3


class Descended(NamedTuple):
    """The iterate that was looked at, the penalised excess (b,) of its criterion, and where to go next."""

    iterate: Iterate
    excess: Tensor
    following: Tensor


@dataclass(frozen=True, kw_only=True)
class Descent(Attack):
    """Projected gradient descent on F = c·f⁺(x+δ) − s·w·I_θ(x, x+δ); how c is chosen makes the attack.

    Attributes:
        alpha: step α of δ, a plain gradient step followed by projection.
        start: δ₁ is uniform in ±start, then projected.
        aim: the penalised excess is (f + aim·scale)⁺ with the objective's scale, one logit or ‖x − Φ(x)‖².
            For a classifier that is too sure f is divided by ``Problem.unit``: plain gradient steps of a
            criterion of thousands of logits would throw x̃ from edge to edge of its ball.
            With the published f⁺ (aim 0) the pull fades as f nears 0, and many rows approach success without
            reaching it.
        inner: critic steps per iteration (source: 1 supervised with 1000 iterations, 20 for UAEs with 40).
        mi: published ``"mine-conv"`` (random sampling where the model has no convolution) and
            ``"mine-random"``; ours ``"mine-patches"`` and the closed form ``"gaussian-patches"``;
            ``"l2"`` has −‖x̃ − x‖² in the place of I, and no record of it has an MI.
        mi_weight: w ≥ 0 (source: 1).
        bound: name in ``BOUNDS``; ``"auto"`` is DV for the published samplings, InfoNCE for patches. The
            closed form has none.
        pairs: marginal pairs, see ``PerSampleMINE``.
    """

    steps: int = 200
    alpha: float = 0.01
    start: float = 0.086
    aim: float = 0.1
    inner: int = 1
    mi: str = "mine-conv"
    mi_weight: float = 1.0
    bound: str = "auto"
    pairs: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.alpha, "alpha", low=0, above=True)
        check_number(self.start, "start", low=0)
        check_number(self.aim, "aim", low=0)
        check_count(self.inner, "inner")
        check_choice(self.mi, "mi", tuple(MI_TERMS))
        check_number(self.mi_weight, "mi_weight", low=0)
        check_choice(self.bound, "bound", ("auto", *BOUNDS))
        check_choice(self.pairs, "pairs", PAIRS)

    def check(self, objective: Objective) -> None:
        check_sampling(objective, self.mi)

    def loop_term(self, objective: Objective) -> str:
        return named(objective, self.mi)

    def first(self, problem: Problem, ball: Ball, rows: Sequence[int]) -> Tensor:
        """x + δ₁, each row from its own stream."""
        x = problem.x
        noise = RowStreams(self.seed, rows, START, x.device).uniform(*x.shape[1:])
        return ball.project(x + (2 * noise - 1) * self.start)

    def information(self, problem: Problem, rows: Sequence[int]) -> MITerm:
        """A fresh MI term; the same seed and rows give the same critics."""
        return make_term(
            problem,
            self.mi,
            rows,
            inner=self.inner,
            seed=self.seed,
            critic=self.critic,
            bound=self.bound,
            pairs=self.pairs,
        )

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
            mi, samples, pull = information.step(x_adv, seen.maps)
            excess = (seen.criterion / problem.unit + self.aim * problem.scale).clamp_min(0)
            # One backward pass for ∇_δ F: the model's part through f⁺, the critic's through its samples.
            on_f = torch.where(restoring, 1.0, c)
            on_mi = per_image(torch.where(restoring, 0.0, -sign * self.mi_weight), pull)
            torch.autograd.backward([excess, samples], [on_f, usable(pull).mul_(on_mi)], inputs=[x_adv])
        gradient, lost = mended(_gradient(x_adv), x_adv.detach(), seen.clear)
        # An output that is not finite says nothing of c, which would never be finite again.
        x_adv, excess = x_adv.detach(), excess.detach().nan_to_num(0, posinf=0)
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


def usable(pull: Tensor) -> Tensor:
    """∂I/∂samples (B,…), 0 in the rows where it is not finite, so that the model's gradient remains."""
    finite = pull.flatten(1).abs().amax(1) < torch.inf
    return torch.where(per_image(finite, pull), pull, 0.0)


def _gradient(x_adv: Tensor) -> Tensor:
    assert x_adv.grad is not None  # backward() was asked for exactly this one
    return x_adv.grad
