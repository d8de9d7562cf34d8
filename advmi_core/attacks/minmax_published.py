"""MinMax as published: adversarial examples by mutual information [UAE, algorithm 1, arXiv 2103.01895]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor

from advmi_core.attacks.core.about import About, Use, Variant
from advmi_core.attacks.core.ball import Ball
from advmi_core.attacks.core.capture import Replayed
from advmi_core.attacks.core.descent import FIRST_C, Descent
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.mi_term import MITerm
from advmi_core.fields import Field
from advmi_core.models import Network
from advmi_core.objectives import Problem

#: Kept by `python benchmarks/uae_search.py` on validation images, for a UAE that moves at least as far as its
#: random start does: critic steps, step α, start, warm-up.
WARM: dict[str, Any] = {"inner": 5, "alpha": 0.03, "start": 0.01, "warmup": 80}


@dataclass(frozen=True, kw_only=True)
class PublishedMinMax(Descent):
    """min_δ max_{c≥0} c·f⁺(x+δ) − s·w·I_θ(x, x+δ), with s = +1 supervised and −1 unsupervised.

    One attack for both cases: a supervised example keeps as much MI with x as it can, an unsupervised one as
    little. The dual variable starts at c₁ = 0.001 and follows f⁺.

    The restoration is that of filter methods for constrained problems [Fletcher & Leyffer 2002], by PGD's
    step. The published dual variable is damped, so it never outgrows w·I where f⁺ stays small, and a row
    without a success would end short of the border; one that has succeeded before is not touched. An
    unsupervised example is far shorter than its ε, so PGD's step would throw it off.

    Without a warm-up the MI in the loop rises with every critic step, whatever x̃ does, so the UAE that is
    kept, the success with the smallest one, is the first success: little more than the start.

    Example:
        >>> result = MinMax.published(eps=0.3, steps=200)(Classification(model, y), x)  # doctest: +SKIP
    """

    name: ClassVar[str] = "minmax"

    about: ClassVar[About] = About(
        "MinMax as published",
        "UAE, arXiv 2103.01895, algorithm 1",
        Use(
            r"\min_\delta\,\max_{c\ge0}\ c\,f^+(x{+}\delta)-w\,I_\theta(x,x{+}\delta)",
            {
                "interactive": {"eps": 0.3, "steps": 200},
                "paper": {"eps": 1.0, "steps": 1000, "critic": "paper"},
            },
        ),
        Use(
            r"\min_\delta\,\max_{c\ge0}\ c\,f^+(x{+}\delta)\;\mathbf{+}\;w\,I_\theta(x,x{+}\delta)",
            {
                "interactive": {"eps": 1.0, "steps": 40, "inner": 20},
                "paper": {"eps": 1.0, "steps": 40, "inner": 20, "critic": "paper"},
                # A smaller weight and more steps than for images by the thousand: the first 16 test images
                # succeed.
                "warm critic": {**WARM, "eps": 1.0, "steps": 100, "mi_weight": 3.0},
            },
            unused=("restore",),
        ),
        {
            "minmax": Variant("MinMax published", {"mi": "mine-conv"}),
            "minmax-gaussian": Variant("MinMax Gaussian patches", {"mi": "gaussian-patches"}),
            "minmax-patches": Variant("MinMax patches", {"mi": "mine-patches"}),
        },
    )

    beta: Annotated[
        float,
        Field(
            "Step β of c: c ← [(1 − β t^-¼) c + β f⁺]₊", "How fast the dual variable answers.",
            low=0, high=1, above=True, offered=(0.001, 1), step=0.01,
        ),
    ] = 0.1  # fmt: skip
    restore: Annotated[
        float,
        Field(
            "Restoration",
            "Share of the last iterations in which images without a success yet descend f alone. Published: "
            "0.",
            low=0, high=1, step=0.05,
        ),
    ] = 0.2  # fmt: skip
    warmup: Annotated[
        int,
        Field(
            "Warm-up of the critic",
            "Iterations before the first in which only the critic learns. Published: 0, and then the MI "
            "rises with the critic whatever x̃ does.",
            low=0, offered=(0, 1000),
        ),
    ] = 0  # fmt: skip

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
