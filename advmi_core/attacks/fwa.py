"""FWA: moving mass between neighbouring pixels, by Frank and Wolfe's algorithm [Wu, Wang & Yu 2020, "Stronger
and Faster Wasserstein Adversarial Attacks", arXiv 2008.02883, algorithm 2]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from advmi_core.attacks.core.ball import Ball
from advmi_core.attacks.core.base import Attack, need_labels
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.value_and_grad import look
from advmi_core.attacks.transport import LocalTransport
from advmi_core.objectives import Objective, Problem
from advmi_core.validate import check_count, check_number

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

    Attributes:
        eps: ε ≥ 0, pixels.
        norm: ``"wasserstein"``.
        window: side k of the square window in which a pixel's mass moves, odd.
        step_size: γ in (0,1], the same in every step, ``NAMID_STEP`` in [NAMID]; None takes 2/(t + 2),
            t = 0, 1, …
        quantize: must be False: rounding pixels would create or destroy mass.

    Example:
        >>> result = FWA(eps=0.1, steps=40)(Classification(model, y), x)  # doctest: +SKIP
    """

    name: ClassVar[str] = "fwa"
    norms: ClassVar[tuple[str, ...]] = ("wasserstein",)

    eps: float = 0.1
    norm: str = "wasserstein"
    window: int = 5
    step_size: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count(self.window, "window", low=3)
        if self.window % 2 == 0:
            raise ValueError(f"window must be odd, got {self.window}")
        if self.step_size is not None:
            check_number(self.step_size, "step_size", low=0, high=1, above=True)
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
