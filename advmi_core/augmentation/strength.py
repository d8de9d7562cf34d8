"""Strength of the change: parameters of everything that makes UAEs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from advmi_core.attacks import MinMax, PublishedMinMax
from advmi_core.attacks.core.mi_term import DISTANCE, MEASURE
from advmi_core.attacks.minmax_published import WARM
from advmi_core.fields import Field


class Usual(NamedTuple):
    """Critic steps, step α of δ, ± of the random start, weight w and warm-up where none are given."""

    inner: int
    alpha: float
    start: float
    mi_weight: float = 1.0
    warmup: int = 0


PUBLISHED = Usual(inner=20, alpha=0.01, start=0.086)
"""As the source has it [UAE]; with these a UAE is mostly its random start."""

# Kept by `python benchmarks/uae_search.py` on validation images: the optimisation moves a UAE at least as far
# as its random start does. For random projections it kept w = 100 on 250 training images, where half the UAEs
# succeeded; the better the autoencoder, the fewer do, so the next smaller weight is taken: 86 % did.
DEFAULTS: dict[str, Usual] = {
    "mine-conv": Usual(**WARM, mi_weight=10.0),
    "mine-random": Usual(inner=5, alpha=0.03, start=0.03, mi_weight=30.0, warmup=20),
    "mine-patches": Usual(inner=5, alpha=0.01, start=0.03, mi_weight=30.0),
    "gaussian-patches": Usual(inner=1, alpha=0.01, start=0.086),
    MEASURE: Usual(inner=1, alpha=0.01, start=0.086),
    DISTANCE: Usual(inner=1, alpha=0.03, start=0.03),
}
"""MI term → what ``Strength`` means by None."""


_AUTOMATIC = "Left empty, each kind of UAE takes what was best on held-out images."
SOLVER_STEPS = 5
"""Iterations of ``MinMax`` for one of the published rule's, which it outdoes at the price of no critic."""


@dataclass(frozen=True, kw_only=True)
class Strength:
    """Parameters of the attack that makes UAEs; a base of what asks for some.

    None takes those of ``DEFAULTS``, and of the solver its own weight.
    """

    eps: Annotated[float, Field("Budget ε: |δᵢ| ≤ ε", low=0, offered=(0.01, 1))] = 1.0
    steps: Annotated[
        int,
        Field(
            "Iterations", "Steps of δ by the published rule; the solver takes five times as many.",
            low=1, offered=(1, 200),
        ),
    ] = 40  # fmt: skip
    inner: Annotated[
        int | None, Field("Inner steps", "Critic steps per iteration; published: 20.", low=1, offered=(1, 50))
    ] = None
    alpha: Annotated[
        float | None,
        Field(
            "Step size α", f"Published: 0.01, with which a UAE is mostly its start. {_AUTOMATIC}",
            low=0, above=True, offered=(0.001, 10), step=0.01,
        ),
    ] = None  # fmt: skip
    start: Annotated[
        float | None,
        Field(
            "Start ±", f"δ begins uniform in this range; published: 0.086. {_AUTOMATIC}",
            low=0, offered=(0, 1), step=0.01,
        ),
    ] = None  # fmt: skip
    mi_weight: Annotated[
        float | None,
        Field(
            "Weight w of I", f"How hard unlikeness pulls; published: 1. {_AUTOMATIC}",
            low=0, offered=(0, 1000), step=0.01,
        ),
    ] = None  # fmt: skip
    warmup: Annotated[
        int | None,
        Field(
            "Warm-up",
            "Iterations before the first in which only the critic learns. Published: none, and then the MI "
            "rises whatever x̃ does, so that the smallest is the first success's. The full table takes what "
            "was best.",
            low=0, offered=(0, 1000),
        ),
    ] = None  # fmt: skip

    @property
    def strength(self) -> dict[str, Any]:
        """These parameters by name, as another ``Strength`` takes them."""
        return {name: getattr(self, name) for name in Strength.__dataclass_fields__}

    def solver(self, seed: int = 0) -> MinMax:
        """The attack that solves the problem, with the measure that is shown.

        Raises:
            ValueError: a parameter is outside its range.
        """
        weight = MinMax.mi_weight if self.mi_weight is None else self.mi_weight
        return MinMax(
            eps=self.eps, steps=SOLVER_STEPS * self.steps, mi_weight=weight, seed=seed, mi_steps=0
        )  # fmt: skip

    def minmax(self, term: str, seed: int = 0) -> PublishedMinMax:
        """The published attack with one of ``MI_TERMS``.

        Raises:
            ValueError: a parameter is outside its range.
        """
        usual = DEFAULTS[term]._asdict()
        given = {name: value for name, value in self.strength.items() if value is not None}
        return PublishedMinMax(mi=term, seed=seed, mi_steps=0, **(usual | given))
