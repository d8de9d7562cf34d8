"""MinMax solved: the most or the least mutual information among the adversarial examples.

The problem is that of [UAE, eqs. 2 and 3, arXiv 2103.01895]; its published solver is ``PublishedMinMax``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor

from advmi_core.attacks.core.about import About, Use, Variant
from advmi_core.attacks.core.ball import Ball, per_image
from advmi_core.attacks.core.gradients import mended
from advmi_core.attacks.core.informed import Informed, without_term
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.mi_term import DISTANCE, MEASURE, Anchored
from advmi_core.attacks.core.walks import Walks
from advmi_core.attacks.minmax_published import PublishedMinMax
from advmi_core.fields import Field
from advmi_core.objectives import Problem
from advmi_core.rng import RowStreams

START = 0  # purpose of the random stream
_PATIENCE = 0.2  # share of the steps after which a row without a success follows f alone until it has one
_STEP = 0.1  # root mean square of a change of the picture that costs half a nat
_MARKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_FORMULA = (
    r"\%s_\delta\ w\,I(x;x{+}\delta)%s\tfrac12\overline{(\delta/0.1)^2}"
    r"\quad\text{under}\ f(x{+}\delta)\le0"
)


@dataclass(frozen=True, kw_only=True)
class MinMax(Informed):
    """max_δ s·w·I(x; x+δ) − ½·mean(δ/0.1)² under f(x+δ) ≤ 0, box and ball, with I the term ``mi``.

    s = +1 for a supervised example, −1 for an unsupervised one, as published.

    Where s·w > 0 the information is kept, where s·w < 0 it is destroyed, whatever the objective; w = 0 is
    the attack without the term, the shortest perturbation. A row that keeps information walks along the
    border f = 0, one that destroys it follows an augmented Lagrangian [Nocedal & Wright 2006, ch. 17]. A row
    without a success after a fifth of the steps descends f alone until it has one. The best success by that
    value is kept. By default the MI in the loop is ``Information``, the one that is measured.

    Any other term is anchored where information is kept, so that no x̃ counts more than x itself.

    The walk leads to f = −aim·scale, with the objective's scale of one logit or ‖x − Φ(x)‖². w counts in
    parts of the distance; ε and w may be one number for each row.

    Example:
        >>> result = MinMax(eps=0.3)(Classification(model, y), x)  # doctest: +SKIP
    """

    name: ClassVar[str] = "minmax-solver"
    by_row: ClassVar[tuple[str, ...]] = ("eps", "mi_weight")

    about: ClassVar[About] = About(
        "MinMax",
        "the problem of UAE, arXiv 2103.01895, eqs. 2 and 3, with a solver of our own",
        Use(_FORMULA % ("max", "-"), {"interactive": {"eps": 0.3, "steps": 200}}),
        Use(
            _FORMULA % ("min", "+"),
            {"interactive": {"eps": 1.0, "steps": 200}},
            # x itself keeps everything already, so that only destroying it changes anything.
            fields={
                "mi_weight": Field(
                    "MI weight w: keep … destroy information",
                    "How much the information in x̃ counts against the length of δ: the larger, the more of "
                    "it the attack destroys. With 0 it has nothing to do: x itself is rebuilt as well as x.",
                    offered=(0, 10), marks=(0.0, *_MARKS), main=True,
                )
            },
        ),
        {"minmax-solver": Variant("MinMax solver")},
    )  # fmt: skip

    steps: int = 200
    mi_weight: Annotated[
        float,
        Field(
            "MI weight w: destroy … keep information",
            "How much the information in x̃ counts against the length of δ: with w > 0 the attack tries to "
            "keep it, with w < 0 to destroy it. 0 is the attack without it, the shortest δ.",
            offered=(-10, 10), marks=(*(-mark for mark in reversed(_MARKS)), 0.0, *_MARKS), main=True,
        ),
    ] = 1.0  # fmt: skip
    aim: Annotated[
        float | None,
        Field(
            "Safety margin a: f ≤ −a · scale",
            "How far beyond the border the attack goes. Empty: 0.1 supervised, 0.02 unsupervised.",
            low=0, offered=(0, 10), step=0.01,
        ),
    ] = None  # fmt: skip

    @staticmethod
    def published(**parameters: Any) -> PublishedMinMax:
        """The published rule, with the parameters of ``PublishedMinMax``."""
        return PublishedMinMax(**parameters)

    def spec(self) -> dict[str, Any]:
        return without_term(super().spec()) if self.mi == MEASURE else super().spec()

    @property
    def cautions(self) -> tuple[str, ...]:
        if self.mi in (MEASURE, DISTANCE):
            return ()
        return (
            f'The weight follows the MI term "{self.mi}", not the information that is shown: less of that is '
            f'kept, or destroyed, than with "{MEASURE}", and with a critic perhaps less than without weight.',
        )

    def iterates(self, problem: Problem, ball: Ball, rows: Sequence[int]) -> Iterator[Iterate]:
        x, sign = problem.x, float(problem.objective.mi_sign)
        information = Anchored(self.information(problem, rows), problem, self.mi)
        weight = sign * self.row_numbers(self.mi_weight, x)
        signs = sign * torch.as_tensor(self.mi_weight, dtype=torch.float32).expand(len(x))
        walks, destroys = Walks(x, self.steps, signs < 0), weight < 0
        aim = (0.1 if sign > 0 else 0.02) if self.aim is None else self.aim
        current = self._first(ball, rows, destroys)
        won = torch.zeros_like(destroys)
        for step in range(self.steps):
            x_adv = ball.snap(current).detach().requires_grad_()
            with torch.enable_grad():
                seen = problem.evaluate(x_adv, information.term.wants_maps)
                nats, counts, pull = information.look(x_adv, seen.maps, weight > 0)
                excess = seen.criterion / (problem.unit * problem.scale) + aim
                (slope,) = torch.autograd.grad(excess, x_adv, torch.ones_like(excess))
            x_adv, excess = x_adv.detach(), excess.detach().nan_to_num(0, posinf=0)
            slope, lost = mended(slope, x_adv, seen.clear)
            delta = x_adv - x
            value = weight * counts - 0.5 * (delta / _STEP).square().flatten(1).mean(1)
            # Divided by 1 + |w|, so that a large weight does not drown the constraint.
            rising = per_image(weight, x) * pull - delta / (_STEP**2 * x[0].numel())
            won |= seen.clear
            late = ~won if step >= _PATIENCE * self.steps else torch.zeros_like(won)
            rising = torch.where(per_image(late, x), 0.0, rising / per_image(1 + weight.abs(), x))
            move, pressed = walks.move(rising, slope, excess, destroys | late, won)
            following = ball.project(current + move)
            yield Iterate(
                x_adv=x_adv,
                evaluation=seen.detached(),
                eligible=seen.clear,
                score=value,
                mi=nats if information.term.nats else torch.full_like(nats, torch.nan),
                c=pressed,
                gap=torch.full_like(nats, torch.nan),
                lost=lost,
            )
            current = following

    def _first(self, ball: Ball, rows: Sequence[int], destroys: Tensor) -> Tensor:
        """x itself, which loses nothing; a row that destroys has no gradient there and starts beside it."""
        noise = RowStreams(self.seed, rows, START, ball.x.device).uniform(*ball.x.shape[1:])
        return ball.project(ball.x + per_image(0.02 * destroys, ball.x) * (2 * noise - 1))
