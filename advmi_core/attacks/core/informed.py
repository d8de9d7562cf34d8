"""Attacks with mutual information in what they optimise: which term, and how its critic learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from advmi_core.attacks.core.base import Attack
from advmi_core.attacks.core.mi_term import (
    MEASURE,
    MI_TERMS,
    MITerm,
    check_sampling,
    make_term,
    named,
    weights_per_image,
)
from advmi_core.mi.bounds import BOUNDS
from advmi_core.mi.pairs import PAIRS
from advmi_core.objectives import Objective, Problem
from advmi_core.validate import check_choice, check_count


@dataclass(frozen=True, kw_only=True)
class Informed(Attack):
    """An attack that weighs I(x; x̃).

    Attributes:
        mi: ``"information"``, the measure that is shown, in closed form; published ``"mine-conv"`` (random
            sampling where the model has no convolution) and ``"mine-random"``; ours ``"mine-patches"`` and
            the closed form ``"gaussian-patches"``; ``"l2"`` has −‖x̃ − x‖² in the place of I, and no record
            of it has an MI.
        inner: critic steps per iteration; a closed form has no critic.
        bound: name in ``BOUNDS``; ``"auto"`` is DV for the published samplings, InfoNCE for patches. The
            closed forms have none.
        pairs: marginal pairs, see ``PerSampleMINE``.
    """

    mi: str = MEASURE
    inner: int = 1
    bound: str = "auto"
    pairs: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self.mi, "mi", tuple(MI_TERMS))
        check_count(self.inner, "inner")
        check_choice(self.bound, "bound", ("auto", *BOUNDS))
        check_choice(self.pairs, "pairs", PAIRS)

    @property
    def weighs(self) -> bool:
        """Whether the term is part of what is optimised at all."""
        return True

    def check(self, objective: Objective) -> None:
        if self.weighs:
            check_sampling(objective, self.mi)

    def loop_term(self, objective: Objective) -> str:
        return named(objective, self.mi) if self.weighs else ""

    def critic_weights(self, problem: Problem) -> int:
        return weights_per_image(problem, self.mi, self.critic) if self.weighs else 0

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


def without_term(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec whose term changes nothing, so that what was computed before it came is found again."""
    return {name: value for name, value in spec.items() if name not in ("mi", "inner", "bound", "pairs")}
