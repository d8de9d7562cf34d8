"""Keeps the best iterate of every row and turns it into the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from advmi_core.attacks.core.ball import per_image
from advmi_core.attacks.core.iterate import Iterate
from advmi_core.attacks.core.records import AttackResult, Step
from advmi_core.memory import in_parts, out_of_memory
from advmi_core.mi.per_image.estimate import estimate_mi
from advmi_core.mi.per_image.information import measure_of
from advmi_core.mi.per_image.patches import SMALLEST
from advmi_core.objectives import Objective, Problem

_HISTORY = ("criterion", "mi", "c", "gap")
_TOLD = ("information", "kept")  # only records measure them
_EVALUATED_AT_ONCE = 256


class Settings(Protocol):
    """What the result needs to know of the attack that made it."""

    @property
    def seed(self) -> int: ...
    @property
    def mi_steps(self) -> int: ...
    @property
    def iterations(self) -> int: ...
    @property
    def cautions(self) -> tuple[str, ...]: ...
    def spec(self) -> dict[str, Any]: ...
    def loop_term(self, objective: Objective) -> str: ...


class BestIterates:
    """Per row: the eligible iterate with the highest score, else the one with the smallest criterion."""

    def __init__(self, attack: Settings, problem: Problem, rows: list[int], x: Tensor) -> None:
        self._attack, self._problem, self._rows, self._given = attack, problem, rows, x
        self.loop_term = attack.loop_term(problem.objective)
        count, device = len(problem), problem.x.device
        self._x_adv = problem.x.clone()
        self.found = torch.zeros(count, dtype=torch.bool, device=device)
        self._best = torch.empty(count, device=device)
        self._mi = torch.empty(count, device=device)
        self._step = torch.zeros(count, dtype=torch.int64, device=device)
        self._queries = torch.zeros(count, dtype=torch.int64, device=device)
        self._lost = torch.zeros(count, dtype=torch.bool, device=device)
        self._undefined = torch.zeros(count, dtype=torch.bool, device=device)
        self._history = torch.empty(len(_HISTORY), attack.iterations, count, device=device)
        self._told = torch.empty(len(_TOLD), attack.iterations, count)
        self._warnings: list[str] = [*problem.warnings, *attack.cautions]
        self.begin(slice(0, count))

    def warn(self, sentence: str) -> None:
        """Add a sentence for the user."""
        self._warnings.append(sentence)

    def begin(self, part: slice) -> None:
        """Forget these rows: their attack starts (anew)."""
        self._x_adv[part] = self._problem.x[part]
        self.found[part] = False
        self._best[part] = -torch.inf
        self._mi[part] = torch.nan
        self._step[part] = 0
        self._queries[part] = 1  # the clean image
        self._lost[part] = False
        self._undefined[part] = False
        self._history[:, :, part] = torch.nan
        self._told[:, :, part] = torch.nan

    def keep(self, part: slice, step: int, iterate: Iterate) -> None:
        """Take in one step's iterate of the rows of ``part``."""
        criterion = iterate.evaluation.criterion
        first = iterate.eligible & ~self.found[part]
        # Until something is eligible the best is the smallest criterion, its score the negative of it.
        score = torch.where(iterate.eligible, iterate.score, -criterion)
        comparable = iterate.eligible | ~self.found[part]
        better = first | (comparable & (score > self._best[part]))
        best = self._x_adv[part]
        torch.where(per_image(better, best), iterate.x_adv, best, out=best)
        self._best[part] = torch.where(better, score, self._best[part])
        self._mi[part] = torch.where(better, iterate.mi, self._mi[part])
        self._step[part] = torch.where(better, step, self._step[part])
        self.found[part] |= iterate.eligible
        self._queries[part] += iterate.passes
        self._undefined[part] |= criterion.isnan()
        if iterate.lost is not None:
            self._lost[part] |= iterate.lost
        self._history[:, step - 1, part] = torch.stack([criterion, iterate.mi, iterate.c, iterate.gap])

    def tell(self, part: slice, step: int, told: Step) -> None:
        """Remember what the record ``told`` of this step measured."""
        self._told[:, step - 1, part] = torch.stack([told.information, told.kept])

    @property
    def iterates(self) -> tuple[Tensor, Tensor]:
        """(B,C,H,W) what is kept, and (B,) bool, whether the row was reached at all."""
        return self._x_adv, self._step > 0

    def result(self, mi: Tensor | None = None) -> AttackResult:
        """Evaluate the kept iterates afresh and measure their MI; rows never reached are their original.

        Args:
            mi: (B,) nats of ``measure``, where it was called for several at once.
        """
        problem, x_adv, device = self._problem, self._x_adv, self._given.device
        with torch.no_grad():
            parts = in_parts(
                lambda rows: problem.take(rows).evaluate(x_adv[rows]),
                len(problem),
                _EVALUATED_AT_ONCE,
                problem.x.device,
                self.warn,
            )
        success = torch.cat([part.success for part in parts])
        if problem.objective.mi_sign < 0:  # an unsupervised example also needs I > 0 inside the loop
            success = success & self.found
        reached = self._step > 0
        self._tell_of_the_unusual(torch.cat([part.criterion for part in parts]))
        if mi is None:
            mi = measure(self._attack, problem, self._rows, x_adv, reached, self.warn)
        delta = (x_adv - problem.x).flatten(1)
        nats, kept = _information(problem.x, x_adv)
        return AttackResult(
            x=self._given.detach().clone(),
            x_adv=x_adv.to(device),
            success=(success & reached).to(device),
            criterion=torch.cat([part.criterion for part in parts]).to(device),
            mi=mi.to(device),
            information=nats.to(device),
            kept=kept.to(device),
            mi_loop=self._mi.to(device),
            loop_term=self.loop_term,
            linf=delta.abs().amax(1).to(device),
            l2=delta.norm(dim=1).to(device),
            queries=(self._queries + reached).to(device),
            best_step=self._step.to(device),
            correct=problem.correct.to(device),
            output=problem.clean.to(device),
            output_adv=torch.cat([part.output for part in parts]).to(device),
            history=dict(zip(_HISTORY, self._history.cpu().numpy(), strict=True))
            | dict(zip(_TOLD, self._told.numpy(), strict=True)),
            spec=self._attack.spec() | problem.objective.spec() | {"rows": self._rows},
            warnings=tuple(self._warnings),
        )

    def _tell_of_the_unusual(self, criterion: Tensor) -> None:
        """Warn of rows whose gradient or whose model's output could not be used in some step."""
        undefined, lost = int((self._undefined | criterion.isnan()).sum()), int(self._lost.sum())
        if undefined:
            self.warn(
                f"The model's output on {undefined} of {len(criterion)} images was not a number (NaN) in "
                "some step; such an output counts as a failure."
            )
        if lost:
            self.warn(
                f"The gradient of {lost} of {len(criterion)} images was exactly zero or not finite in some "
                "step, where a random direction was tried: their failure says little of the model."
            )


def _information(x: Tensor, x_adv: Tensor) -> tuple[Tensor, Tensor]:
    """(B,) nats and the share kept, by ``Information``; NaN for images too small for patches."""

    def measured(rows: slice) -> Tensor:
        of = measure_of(x[rows])
        if of is None:
            return torch.full((2, len(x[rows])), torch.nan, device=x.device)
        nats = of(x_adv[rows])
        return torch.stack([nats, of.share(nats)])

    nats, kept = torch.cat(in_parts(measured, len(x), _EVALUATED_AT_ONCE, x.device), dim=1)
    return nats, kept


def measure(
    attack: Settings,
    problem: Problem,
    rows: list[int],
    x_adv: Tensor,
    reached: Tensor,
    tell: Callable[[str], None],
) -> Tensor:
    """(B,) nats by ``estimate_mi`` of the reached rows; NaN elsewhere, for tiny images and ``mi_steps=0``."""
    values = torch.full((len(x_adv),), torch.nan, device=x_adv.device)
    chosen = reached.nonzero().flatten()
    if not attack.mi_steps:
        return values
    if min(x_adv.shape[-2:]) < SMALLEST:
        tell(f"Mutual information is measured on images of at least {SMALLEST}×{SMALLEST} pixels.")
    elif len(chosen):
        try:
            values[chosen] = estimate_mi(
                problem.objective,
                problem.x[chosen],
                x_adv[chosen],
                seed=attack.seed,
                steps=attack.mi_steps,
                rows=[rows[i] for i in chosen.tolist()],
                tell=tell,
            )
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            tell("Mutual information is not measured: one image's critics do not fit the memory.")
    return values
