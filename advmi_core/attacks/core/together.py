"""One attack on the images of several people at once: each has a run of its own, the steps are shared."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import fields, replace
from functools import cached_property, partial

import torch
from torch import Tensor

from advmi_core.attacks.core.ball import Ball
from advmi_core.attacks.core.base import Attack, record
from advmi_core.attacks.core.best import BestIterates, measure
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.records import AttackResult, Step
from advmi_core.mi.per_image.information import measure_of
from advmi_core.objectives import Objective, Problem
from advmi_core.run import Run


def together(attack: Attack, tasks: Sequence[tuple[Objective, Tensor]]) -> list[Run[Step, AttackResult]]:
    """A run for every task, each with the records and the result of ``attack.run(objective, x)`` alone.

    A row has a random stream of its own and does not depend on its batch mates but for rounding, so the
    tasks are computed as one batch: whichever run is asked first takes the step, and the others find theirs
    waiting. A run that is closed leaves the rest to the others.

    Args:
        attack: the same for all.
        tasks: objective and x (b,C,H,W) float32 images in [0,1]; all images of one shape, all objectives on
            the same model and, in a classifier's case, all with or all without a target.

    Raises:
        ValueError: a task cannot be attacked.
    """
    problems = []
    for objective, x in tasks:
        attack.check(objective)
        attack.check_rows(len(x))
        problems.append(objective.on(x))
    shared = _Shared(attack, problems, [x for _, x in tasks])
    return [
        Run(shared.records(member), partial(shared.result, member), attack.iterations)
        for member in range(len(tasks))
    ]


class _Shared:
    """The steps that all members share, and what each of them keeps."""

    def __init__(self, attack: Attack, problems: list[Problem], given: list[Tensor]) -> None:
        rows = [list(range(len(problem))) for problem in problems]
        self._attack, self._rows = attack, [row for own in rows for row in own]
        self._kept = [BestIterates(attack, *one) for one in zip(problems, rows, given, strict=True)]
        ends = torch.tensor([len(problem) for problem in problems]).cumsum(0).tolist()
        self._parts = [slice(end - len(own), end) for end, own in zip(ends, rows, strict=True)]
        self._whole = replace(
            problems[0],
            x=torch.cat([problem.x for problem in problems]),
            clean=torch.cat([problem.clean for problem in problems]),
            reference=torch.cat([problem.reference for problem in problems]),
        )
        attack = attack.repeated(len(problems))
        ball = Ball(self._whole.x, attack.radius(self._whole.x), attack.norm, attack.quantize)
        self._steps = enumerate(attack.iterates(self._whole, ball, self._rows), start=1)
        self._of = [measure_of(problem.x) for problem in problems]
        self._ready: list[deque[Step]] = [deque() for _ in problems]
        self._open = set(range(len(problems)))
        self._complete: set[int] = set()

    def records(self, member: int) -> Generator[Step, None, None]:
        """The member's records, each as soon as any member took the step."""
        ready = self._ready[member]
        try:
            while ready or self._advance():
                yield ready.popleft()
        finally:
            self._open.discard(member)
            ready.clear()

    def _advance(self) -> bool:
        """One step for all who are still there; False after the last."""
        step, iterate = next(self._steps, (0, None))
        if iterate is None:
            self._complete |= self._open
            return False
        for member in self._open:
            kept, own = self._kept[member], _rows(iterate, self._parts[member])
            part = slice(0, len(own.x_adv))
            kept.keep(part, step, own)
            told = record(own, self._of[member], kept, part, step, self._attack.iterations)
            kept.tell(part, step, told)
            self._ready[member].append(told)
        return True

    def result(self, member: int) -> AttackResult:
        """What the member's rows came to, after the last step or whenever it left."""
        measured = self._measured[self._parts[member]] if member in self._complete else None
        return self._kept[member].result(measured)

    @cached_property
    def _measured(self) -> Tensor:
        """(B,) the MI of those who stayed to the end, measured at once; NaN for the others."""
        x_adv, reached = (torch.cat(parts) for parts in zip(*(k.iterates for k in self._kept), strict=True))
        for member in set(range(len(self._kept))) - self._complete:
            reached[self._parts[member]] = False
        return measure(self._attack, self._whole, self._rows, x_adv, reached, self._tell)

    def _tell(self, sentence: str) -> None:
        for kept in self._kept:
            kept.warn(sentence)


def _rows(iterate: Iterate, part: slice) -> Iterate:
    """Some rows of an iterate."""
    seen = iterate.evaluation
    own = {f.name: getattr(seen, f.name)[part] for f in fields(seen) if getattr(seen, f.name) is not None}
    names = ("x_adv", "eligible", "score", "mi", "c", "gap")
    return Iterate(
        evaluation=replace(seen, **own),
        passes=iterate.passes[part] if isinstance(iterate.passes, Tensor) else iterate.passes,
        lost=None if iterate.lost is None else iterate.lost[part],
        **{name: getattr(iterate, name)[part] for name in names},
    )
