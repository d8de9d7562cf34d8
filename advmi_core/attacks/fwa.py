"""FWA: moving mass between neighbouring pixels, by Frank and Wolfe's algorithm [Wu, Wang & Yu 2020, "Stronger
and Faster Wasserstein Adversarial Attacks", arXiv 2008.02883, algorithm 2]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from advmi_core.attacks.core.about import About, Use
from advmi_core.attacks.core.ball import Ball
from advmi_core.attacks.core.base import NORM, Attack, need_labels
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.value_and_grad import look
from advmi_core.attacks.transport import LocalTransport
from advmi_core.fields import Field
from advmi_core.objectives import Objective, Problem

NAMID_STEP = 0.007  # γ where NAMID is evaluated with this attack


@dataclass(frozen=True, kw_only=True)
class FWA(Attack):
    """Π ← Π + γ_t·(S − Π), S the transport plan in the Wasserstein ball that is best for the gradient at x̃.

    For Classification. ε bounds the Wasserstein-1 distance W(x,x̃) ≤ ε·Σx, with Euclidean distance between
    pixels: on average a unit of brightness moves at most ε pixels. It is a length, not a grey level, and no
    bound of a single pixel. The ball is kept by the plan: x̃ is what a plan of that cost makes of x.

    Pixels stay in [0,1] exactly: where more arrives than a pixel can hold, the rest is sent back to where it
    came from, which keeps the ball; the published code clips instead, which leaves it. Nothing is random, so
    the seed only reaches the MI that is measured afterwards.

    Without a step γ it is 2/(t + 2), t = 0, 1, …; [NAMID] has ``NAMID_STEP`` in every step. ``quantize`` must
    be False.

    Example:
        >>> result = FWA(eps=0.1, steps=40)(Classification(model, y), x)  # doctest: +SKIP
    """

    name: ClassVar[str] = "fwa"
    about: ClassVar[About] = About(
        "FWA (moves mass)",
        "Wu, Wang & Yu 2020, arXiv 2008.02883, algorithm 2",
        Use(
            r"\Pi\leftarrow\Pi+\gamma\,(S-\Pi),\ S=\arg\max_{\langle S,C\rangle\le\varepsilon\Sigma x}"
            r"\langle S,\nabla\rangle",
            {
                "interactive": {"eps": 0.1, "steps": 40},
                "paper": {"eps": 0.03, "steps": 40, "step_size": NAMID_STEP},
            },
        ),
        variants={},
    )
    hidden: ClassVar[frozenset[str]] = Attack.hidden | {"quantize"}

    eps: Annotated[
        float,
        Field(
            "Budget ε: W₁(x, x̃) ≤ ε Σx", "On average a unit of brightness moves at most so many pixels.",
            low=0, offered=(0, 2), step=0.01, slider=True, main=True,
        ),
    ] = 0.1  # fmt: skip
    norm: Annotated[str, replace(NORM, choices={"wasserstein": "Wasserstein-1"})] = "wasserstein"
    window: Annotated[
        int,
        Field(
            "Window k×k", "Mass moves inside it; odd, pixels. Published: 5.",
            low=3, odd=True, offered=(3, 15), step=2, main=True,
        ),
    ] = 5  # fmt: skip
    step_size: Annotated[
        float | None,
        Field(
            "Step γ", "Empty: 2/(t+2), as Frank and Wolfe. NAMID: 0.007.",
            low=0, high=1, above=True, offered=(1e-5, 1), step=0.001,
        ),
    ] = None  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.quantize:
            raise ValueError("quantize must be False for fwa: rounding pixels would create or destroy mass")

    def check(self, objective: Objective) -> None:
        need_labels(objective, self.name)

    def iterates(self, problem: Problem, ball: Ball, rows: Sequence[int]) -> Iterator[Iterate]:
        transport = LocalTransport(problem.x, self.window)
        budget = self.eps * problem.x.flatten(1).sum(1)
        sent = transport.nothing()
        for t in range(self.steps):
            x_adv = transport.image(sent).clamp(0, 1)  # from rounding
            seen, _, gradient, lost = look(problem, x_adv, problem.log_odds)
            yield Iterate.of(x_adv, seen, lost=lost)
            step = 2 / (t + 2) if self.step_size is None else self.step_size
            sent = transport.fit(sent.lerp(transport.best(gradient, budget), step))
