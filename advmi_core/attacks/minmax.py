"""MinMax: adversarial examples by mutual information [UAE, algorithm 1, arXiv 2103.01895]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from advmi_core.attacks.ball import Ball
from advmi_core.attacks.base import Attack, Iterate
from advmi_core.attacks.mi_term import MI_TERMS, check_sampling, make_term
from advmi_core.mi.bounds import BOUNDS
from advmi_core.mi.pairs import PAIRS
from advmi_core.objectives import Objective, Problem
from advmi_core.rng import RowStreams
from advmi_core.validate import check_choice, check_count, check_number

START = 0  # purpose of the random stream
FIRST_C = 1e-3


@dataclass(frozen=True, kw_only=True)
class MinMax(Attack):
    """min_δ max_{c≥0} c·f⁺(x+δ) − s·w·I_θ(x, x+δ), with s = +1 supervised and −1 unsupervised.

    One attack for both cases: a supervised example keeps as much MI with x as it can, an unsupervised one as
    little.

    Attributes:
        alpha: step α of δ, a plain gradient step followed by projection.
        beta: step β of the dual variable, c ← max(0, (1 − β/t^¼)·c + β·f⁺).
        start: δ₁ is uniform in ±start, then projected.
        aim: the penalised excess is (f + aim·scale)⁺ with the objective's scale, one logit or ‖x − Φ(x)‖².
            With the published f⁺ (aim 0) the dual variable fades as f nears 0, and many rows approach success
            without reaching it.
        inner: critic steps per iteration (source: 1 supervised with 1000 iterations, 20 for UAEs with 40).
        mi: published ``"mine-conv"`` (random sampling where the model has no convolution) and
            ``"mine-random"``; ours ``"mine-patches"`` and the closed form ``"gaussian-patches"``.
        mi_weight: w ≥ 0 (source: 1).
        bound: name in ``BOUNDS``; ``"auto"`` is DV for the published samplings, InfoNCE for patches. The
            closed form has none.
        pairs: marginal pairs, see ``PerSampleMINE``.

    Example:
        >>> result = MinMax(eps=0.3, steps=200)(Classification(model, y), x)  # doctest: +SKIP
    """

    name: ClassVar[str] = "minmax"

    steps: int = 200
    alpha: float = 0.01
    beta: float = 0.1
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
        check_number(self.beta, "beta", low=0, high=1, above=True)
        check_number(self.start, "start", low=0)
        check_number(self.aim, "aim", low=0)
        check_count(self.inner, "inner")
        check_choice(self.mi, "mi", tuple(MI_TERMS))
        check_number(self.mi_weight, "mi_weight", low=0)
        check_choice(self.bound, "bound", ("auto", *BOUNDS))
        check_choice(self.pairs, "pairs", PAIRS)

    def check(self, objective: Objective) -> None:
        check_sampling(objective, self.mi)

    def iterates(self, problem: Problem, ball: Ball, rows: Sequence[int]) -> Iterator[Iterate]:
        x, sign = problem.x, problem.objective.mi_sign
        noise = RowStreams(self.seed, rows, START, x.device).uniform(*x.shape[1:])
        current = ball.project(x + (2 * noise - 1) * self.start)
        c = torch.full((len(x),), FIRST_C, device=x.device)
        goal = self.aim * problem.scale
        information = make_term(
            problem,
            self.mi,
            rows,
            inner=self.inner,
            seed=self.seed,
            critic=self.critic,
            bound=self.bound,
            pairs=self.pairs,
        )
        for t in range(1, self.steps + 1):
            x_adv = ball.snap(current).requires_grad_()
            with torch.enable_grad():
                seen = problem.evaluate(x_adv)
                mi, samples, pull = information.step(x_adv, seen.maps)
                excess = (seen.criterion + goal).clamp_min(0)
                # One backward pass for ∇_δ F: the model's part through f⁺, the critic's through its samples.
                torch.autograd.backward(
                    [excess, samples], [c, pull.mul_(-sign * self.mi_weight)], inputs=[x_adv]
                )
            gradient, x_adv, excess = _gradient(x_adv), x_adv.detach(), excess.detach()
            moved = x_adv - ball.project(x_adv - gradient)
            yield Iterate(
                x_adv=x_adv,
                evaluation=seen.detached(),
                eligible=seen.clear & (mi > 0) if sign < 0 else seen.clear,
                score=sign * mi,
                mi=mi,
                c=c,
                gap=(moved.flatten(1).square().sum(1) + excess.square()).sqrt(),
            )
            current = ball.project(current - self.alpha * gradient)
            c = ((1 - self.beta / t**0.25) * c + self.beta * excess).clamp_min(0)


def _gradient(x_adv: Tensor) -> Tensor:
    assert x_adv.grad is not None  # backward() was asked for exactly this one
    return x_adv.grad
