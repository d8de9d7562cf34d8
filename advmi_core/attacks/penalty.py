"""The penalty method with a binary search over c, the baseline of [UAE, sec. 4]; its search is that of
[Carlini & Wagner 2017, arXiv 1608.04644, sec. V]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from advmi_core.attacks.core.about import About, Use, Variant
from advmi_core.attacks.core.ball import Ball
from advmi_core.attacks.core.descent import FIRST_C, FIRST_WEIGHT, SEARCHES, Descent
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.objectives import Problem

_FASTER = 10.0


@dataclass(frozen=True, kw_only=True)
class Penalty(Descent):
    """min_δ c·f⁺(x+δ) − s·w·I_θ(x, x+δ) with c fixed inside a run, and run after run with a better c.

    Its term is the published one unless ``mi`` says otherwise; a comparison with ``MinMax`` that means the
    two rules, and not the two terms, takes ``mi="information"`` here.

    Every run begins at the same δ₁ with critics that begin alike, so that only c tells runs apart. The best
    iterate of all runs is kept, by MinMax's rule; ``searches``·``steps`` iterations in all. After a run in
    which a row was successful its c is an upper bound, else a lower one. Every row searches for itself.

    Example:
        >>> result = Penalty(eps=0.3, searches=9)(Classification(model, y), x)  # doctest: +SKIP
    """

    name: ClassVar[str] = "penalty"

    about: ClassVar[About] = About(
        "Penalty with a search over c (baseline)",
        "UAE, arXiv 2103.01895, sec. 4",
        Use(
            r"\min_\delta\ c\,f^+(x{+}\delta)-w\,I_\theta(x,x{+}\delta)",
            {
                "interactive": {"eps": 0.3, "steps": 60, "searches": 6},
                "paper": {"eps": 1.0, "steps": 1000, "searches": 9, "critic": "paper"},
            },
        ),
        Use(
            r"\min_\delta\ c\,f^+(x{+}\delta)\;\mathbf{+}\;w\,I_\theta(x,x{+}\delta)",
            {
                "interactive": {"eps": 1.0, "steps": 40, "inner": 20, "searches": 5},
                "paper": {"eps": 1.0, "steps": 40, "inner": 20, "searches": 9, "critic": "paper"},
            },
        ),
        # A first c at which most images succeed, so that three searches do what the published nine do.
        {"penalty": Variant("Penalty", {"mi": "mine-conv", "searches": 3, "first_c": 0.1})},
    )

    searches: Annotated[int, SEARCHES] = 9
    first_c: Annotated[float, FIRST_WEIGHT] = FIRST_C

    @property
    def iterations(self) -> int:
        return self.searches * self.steps

    def iterates(self, problem: Problem, ball: Ball, rows: Sequence[int]) -> Iterator[Iterate]:
        start = self.first(problem, ball, rows)
        c = torch.full((len(start),), self.first_c, device=start.device)
        lower, upper = torch.zeros_like(c), torch.full_like(c, torch.inf)
        for _ in range(self.searches):
            current, information = start, self.information(problem, rows)
            won = torch.zeros_like(c, dtype=torch.bool)
            restoring = torch.zeros_like(won)  # its search for c takes that place
            for _ in range(self.steps):
                iterate, _, current = self.descend(problem, ball, information, current, c, restoring)
                won |= iterate.eligible
                yield iterate
            lower, upper = torch.where(won, lower, c), torch.where(won, c, upper)
            c = next_c(c, lower, upper)


def next_c(c: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """(b,) the c of the next run, from the bounds that the runs so far have left."""
    return torch.where(upper.isfinite(), (lower + upper) / 2, c * _FASTER)
