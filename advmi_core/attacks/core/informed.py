"""Attacks with mutual information in what they optimise: which term, and how its critic learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from advmi_core.attacks.core.base import Attack
from advmi_core.attacks.core.mi_term import (
    MEASURE,
    MITerm,
    check_sampling,
    make_term,
    named,
    weights_per_image,
)
from advmi_core.fields import Field
from advmi_core.objectives import Objective, Problem

WEIGHT = Field(
    "MI weight w: F = c f⁺ ∓ w I", "How much mutual information counts against the criterion.",
    low=0, offered=(0, 30), step=0.1, slider=True, main=True,
)  # fmt: skip
DESCENT_STEPS = Field(
    "Iterations: δ ← Π(δ − α ∇F)",
    "Steps of the image; of every run, where an attack searches for c.",
    low=1, offered=(1, 2000), main=True,
)  # fmt: skip
TERM = Field(
    "MI term",
    "The mutual information that the attack weighs. Published: a critic that learns along, on the first "
    "convolution's maps (random projections where the model has none) or on random projections. The measure "
    "that is shown has no critic to learn; with the L2 distance, −‖x̃ − x‖², no record has an MI.",
    choices={
        "mine-conv": "first convolution's maps (published)",
        "mine-random": "random projections (published)",
        "mine-patches": "image patches, learnt critic",
        "gaussian-patches": "image patches, closed form",
        "information": "the measure that is shown",
        "l2": "L2 distance (no MI)",
    },
)
INNER = Field(
    "Critic steps: θ ← θ + η ∇I", "Adam steps of the critic per step of the image; a closed form has none.",
    low=1, offered=(1, 100), main=True,
)  # fmt: skip
BOUND = Field(
    "Bound", "The lower bound that the critic maximises; automatic: DV as published, InfoNCE for patches.",
    choices={
        "auto": "automatic", "dv": "Donsker–Varadhan", "nwj": "NWJ", "infonce": "InfoNCE", "smile": "SMILE",
        "mine": "MINE",
    },
)  # fmt: skip
PAIRS = Field(
    "Marginal pairs", "Which pairs stand for independence.",
    choices={
        "auto": "automatic", "all": "all pairs", "permutation": "one shuffle", "shifts": "cyclic shifts",
    },
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Informed(Attack):
    """An attack that weighs I(x; x̃), with the term ``mi`` of ``mi_term``."""

    mi: Annotated[str, TERM] = MEASURE
    inner: Annotated[int, INNER] = 1
    bound: Annotated[str, BOUND] = "auto"
    pairs: Annotated[str, PAIRS] = "auto"

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
