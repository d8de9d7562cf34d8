"""MinMax as published: adversarial examples by mutual information [UAE, algorithm 1, arXiv 2103.01895]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from advmi_core.attacks.core.ball import Ball
from advmi_core.attacks.core.capture import Replayed
from advmi_core.attacks.core.descent import FIRST_C, Descent
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.mi_term import MITerm
from advmi_core.models import Network
from advmi_core.objectives import Problem
from advmi_core.validate import check_count, check_number


@dataclass(frozen=True, kw_only=True)
class PublishedMinMax(Descent):
    """min_δ max_{c≥0} c·f⁺(x+δ) − s·w·I_θ(x, x+δ), with s = +1 supervised and −1 unsupervised.

    One attack for both cases: a supervised example keeps as much MI with x as it can, an unsupervised one as
    little. The dual variable starts at c₁ = 0.001 and follows f⁺.

    Attributes:
        beta: step β of the dual variable, c ← max(0, (1 − β/t^¼)·c + β·f⁺).
        restore: of a supervised attack, the share of the iterations, the last ones, in which a row without a
            success yet descends f alone by PGD's step until it has one, as in the restoration phase of filter
            methods for constrained problems [Fletcher & Leyffer 2002]. The published dual variable is damped,
            so it never outgrows w·I where f⁺ stays small, and such a row would end short of the border. 0 is
            the published rule; a row that has succeeded before is not touched. An unsupervised example is far
            shorter than its ε, so PGD's step would throw it off.
        warmup: iterations before the first, in which the critic learns while δ and c wait; the published
            attack has none. The MI in its loop rises with every critic step, whatever x̃ does, so the UAE it
            keeps, the success with the smallest one, is its first success: little more than the start.

    Example:
        >>> result = MinMax.published(eps=0.3, steps=200)(Classification(model, y), x)  # doctest: +SKIP
    """

    name: ClassVar[str] = "minmax"

    beta: float = 0.1
    restore: float = 0.2
    warmup: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.beta, "beta", low=0, high=1, above=True)
        check_number(self.restore, "restore", low=0, high=1)
        check_count(self.warmup, "warmup", low=0)

    @property
    def iterations(self) -> int:
        return self.warmup + self.steps

    def spec(self) -> dict[str, Any]:
        # Left out where there is none, so that what was computed before warm-ups came is found again.
        return {name: value for name, value in super().spec().items() if name != "warmup" or value}

    def iterates(self, problem: Problem, ball: Ball, rows: Sequence[int]) -> Iterator[Iterate]:
        current = self.first(problem, ball, rows)
        information = self.information(problem, rows)
        c = torch.full((len(current),), FIRST_C, device=current.device)
        won = torch.zeros_like(c, dtype=torch.bool)
        restored_from = (1 - self.restore) * self.steps if problem.objective.mi_sign > 0 else self.steps
        yield from self._warm_up(problem, ball, information, current, c)
        # A model of somebody else may count its calls, or have hooks that want to see every pass.
        written_here = isinstance(problem.objective.model, Network) and not problem.objective.model.foreign
        known = current.device.type == "cuda" and written_here
        descend = Replayed(
            partial(self.descend, problem, ball, information), wanted=known and information.repeats
        )
        for t in range(1, self.steps + 1):
            restoring = ~won & (t > restored_from)
            iterate, excess, current = descend(current, c, restoring)
            won |= iterate.eligible
            yield iterate
            c = ((1 - self.beta / t**0.25) * c + self.beta * excess).clamp_min(0)

    def _warm_up(
        self, problem: Problem, ball: Ball, information: MITerm, current: Tensor, c: Tensor
    ) -> Iterator[Iterate]:
        """The critic learns from the start, which the model sees once and which is not kept yet."""
        if not self.warmup:
            return
        with torch.no_grad():
            start = ball.snap(current)
            seen = problem.evaluate(start, information.wants_maps)
        waiting = replace(Iterate.of(start, seen, c=c), eligible=torch.zeros_like(seen.clear))
        for step in range(self.warmup):
            mi, _, _ = information.step(start, seen.maps)
            yield replace(waiting, mi=mi if information.nats else waiting.mi, passes=int(step == 0))
