"""AutoAttack's standard ensemble [Croce & Hein 2020, arXiv 2003.01690, sec. 5]: APGD on the cross entropy,
APGD on the ratio DLR with targets, FAB with targets, and Square."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from advmi_core.attacks.autoattack.apgd import apgd, targeted_ratio
from advmi_core.attacks.autoattack.fab import fab
from advmi_core.attacks.autoattack.square import square
from advmi_core.attacks.core.about import About, Use
from advmi_core.attacks.core.ball import Ball
from advmi_core.attacks.core.base import Attack, need_labels
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.value_and_grad import merge, some
from advmi_core.fields import Field
from advmi_core.objectives import Objective, Problem
from advmi_core.rng import RowStreams

PARTS = ("apgd-ce", "apgd-t", "fab-t", "square")
_STARTS, _SQUARES = 21, 22  # purposes of random streams


@dataclass(frozen=True, kw_only=True)
class AutoAttack(Attack):
    """Four attacks in turn, each on those rows that all before it left unbroken.

    For Classification. APGD-T and FAB-T aim at the most likely wrong classes, one after the other; against a
    given target they aim at that one. The run ends as soon as every row is broken; a row that is broken costs
    no more passes. Nothing is tuned: ``eps`` and ``norm`` are all that a fair comparison sets.

    Attributes:
        parts: which of ``"apgd-ce"``, ``"apgd-t"``, ``"fab-t"``, ``"square"`` run, in this order.

    Example:
        >>> result = AutoAttack(eps=8 / 255)(Classification(model, y), x)  # doctest: +SKIP
    """

    name: ClassVar[str] = "autoattack"

    about: ClassVar[About] = About(
        "AutoAttack (four attacks in turn)",
        "Croce & Hein 2020, arXiv 2003.01690, sec. 5",
        Use(
            r"\text{APGD-CE}\to\text{APGD-T}\to\text{FAB-T}\to\text{Square}",
            {
                "interactive": {"eps": 0.1, "steps": 20, "targets": 3, "queries": 500},
                "paper": {"eps": 0.03, "steps": 100, "targets": 9, "queries": 5000},
            },
        ),
        variants={},
    )

    steps: int = 100
    targets: Annotated[
        int,
        Field(
            "Targets",
            "How many other classes APGD-T and FAB-T aim at, the most likely first. Published: 9.",
            low=1, offered=(1, 100), main=True,
        ),
    ] = 9  # fmt: skip
    queries: Annotated[
        int,
        Field(
            "Queries of Square", "Random squares at most. Published: 5000.",
            low=1, offered=(1, 10_000), step=100, main=True,
        ),
    ] = 5000  # fmt: skip
    parts: tuple[str, ...] = PARTS

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.parts, str) or not set(self.parts) <= set(PARTS) or not self.parts:
            raise ValueError(f"parts must be some of {', '.join(PARTS)}, got {self.parts!r}")
        object.__setattr__(self, "parts", tuple(part for part in PARTS if part in self.parts))

    @property
    def iterations(self) -> int:
        """At most; fewer where there are fewer wrong classes, or all rows are broken earlier."""
        lengths = {
            "apgd-ce": self.steps,
            "apgd-t": self.steps * self.targets,
            "fab-t": self.steps * self.targets,
            "square": self.queries,
        }
        return sum(lengths[part] for part in self.parts)

    @property
    def follows_gradients(self) -> bool:
        return self.parts != ("square",)

    def check(self, objective: Objective) -> None:
        need_labels(objective, self.name)

    def iterates(self, problem: Problem, ball: Ball, rows: Sequence[int]) -> Iterator[Iterate]:
        live, whole = torch.arange(len(problem), device=problem.x.device), None
        for part, aim in self._stages(problem):
            if not len(live):
                return
            piece, ids = some(problem, live), [rows[row] for row in live.tolist()]
            broken = torch.zeros_like(live, dtype=torch.bool)
            around = Ball(piece.x, self.eps, self.norm, self.quantize)
            for iterate in self._stage(part, piece, around, aim[live], ids):
                broken |= iterate.eligible
                whole = iterate if whole is None else merge(whole, live, iterate)
                yield whole
            live = live[~broken]

    def _stages(self, problem: Problem) -> list[tuple[str, Tensor]]:
        """What runs, one after the other, with the class (B,) it aims at; parts without aims ignore it."""
        aims = _aims(problem, self.targets)
        return [(part, aim) for part in self.parts for aim in (aims if part.endswith("-t") else aims[:1])]

    def _stage(
        self, part: str, problem: Problem, ball: Ball, aim: Tensor, ids: Sequence[int]
    ) -> Iterator[Iterate]:
        true = problem.reference[:, 0]
        if part == "square":
            return square(problem, ball, RowStreams(self.seed, ids, _SQUARES, problem.x.device), self.queries)
        if part == "fab-t":
            return fab(problem, ball, aim, true, self.steps)
        loss = problem.log_odds if part == "apgd-ce" else targeted_ratio(aim, true)
        return apgd(problem, ball, self._start(problem, ids), loss, self.steps)

    def _start(self, problem: Problem, ids: Sequence[int]) -> Tensor:
        """A random direction from x to the edge of the ball."""
        noise = 2 * RowStreams(self.seed, ids, _STARTS, problem.x.device).uniform(*problem.x.shape[1:]) - 1
        flat = noise.flatten(1)
        length = flat.abs().amax(1) if self.norm == "linf" else flat.norm(dim=1)
        return problem.x + self.eps * noise / length.view(-1, 1, 1, 1)


def _aims(problem: Problem, count: int) -> list[Tensor]:
    """The wrong classes to aim at, (B,) int64 each, the most likely first; or the objective's target."""
    true, label = problem.reference.unbind(1)
    if bool((true != label).any()):
        return [label]
    others = problem.clean.scatter(1, true.unsqueeze(1), -torch.inf)
    order = others.argsort(dim=1, descending=True)[:, :-1]
    return list(order[:, :count].unbind(1))
