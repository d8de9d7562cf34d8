"""The two stages in which local DIM estimators learn [NAMID, eq. 4 and 5], each a training of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

import torch
from torch import Tensor, nn

from advmi_core.defenses.estimator_spec import EstimatorSpec, EstimatorStep, HeldOutMI
from advmi_core.memory import whole_batch
from advmi_core.mi.local.dim import KINDS, LocalDIM, local_dv, selected
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models.training.learner import Learner
from advmi_core.models.training.loop import Loop, Moment
from advmi_core.models.training.progress import ProgressFile
from advmi_core.models.training.splits import stream

Pairs = dict[str, Tensor]
"""x and x̃ (N,C,H,W), their logits ``clean`` and ``attacked`` (N,classes), y (N,)."""


def first_stage(estimators: LocalEstimators, batch: Pairs) -> dict[str, Tensor]:
    """What each estimator ascends in the first stage [NAMID, eq. 4]: means over the batch, nats."""
    x, x_adv, clean, attacked = (batch[key] for key in ("x", "x_adv", "clean", "attacked"))
    standard = estimators.standard
    return {
        "natural": estimators.natural(x, clean).mean(),
        "adversarial": estimators.adversarial(x_adv - x, attacked).mean(),
        "standard": (standard(x, clean) + standard(x_adv, attacked)).mean() / 2,
    }


def optimised_stage(estimators: LocalEstimators, batch: Pairs) -> dict[str, Tensor]:
    """What E_n and E_a ascend on selected rows in the second stage [NAMID, eq. 5]: means, nats."""
    x, x_adv, clean, attacked = (batch[key] for key in ("x", "x_adv", "clean", "attacked"))
    return {
        "natural": _contrast(estimators.natural, x, clean, attacked),
        "adversarial": _contrast(estimators.adversarial, x_adv - x, attacked, clean),
    }


def _contrast(estimator: LocalDIM, pattern: Tensor, up: Tensor, down: Tensor) -> Tensor:
    local = estimator.local(pattern)
    return (local_dv(local, estimator.codes(up)) - local_dv(local, estimator.codes(down))).mean()


def whole_batches(order: Tensor, batch: int) -> list[Tensor]:
    """Parts of ``batch`` rows; a remainder below half of that is left out, being too few negatives.

    Where there are fewer rows than that in all, they are one part; a single row is none.
    """
    least = min(len(order), -(-batch // 2))
    return [part for part in torch.split(order, batch) if len(part) >= max(2, least)]


STAGES: dict[str, Callable[[LocalEstimators, Pairs], dict[str, Tensor]]] = {
    "first": first_stage,
    "optimised": optimised_stage,
}


class Stage(Loop[EstimatorStep]):
    """One stage: its rows again and again, each estimator with an optimiser of its own.

    Args:
        name: one of ``STAGES``.
        train, held: what is learnt and what is measured on.
        rows: (m,) positions in ``train`` that this stage learns from.
        before, total: steps before this stage, and of all stages.
    """

    def __init__(
        self,
        name: str,
        estimators: LocalEstimators,
        spec: EstimatorSpec,
        train: Pairs,
        held: Pairs,
        rows: Tensor,
        file: ProgressFile | None,
        *,
        before: int,
        total: int,
    ) -> None:
        epochs, self.lr = (
            (spec.epochs, spec.lr) if name == "first" else (spec.optimised_epochs, spec.optimised_lr)
        )
        self.name, self.estimators, self.batch = name, estimators, spec.batch
        self.train, self.held, self.rows, self.before, self.all = train, held, rows, before, total
        self.seed = spec.seed
        self.device = train["y"].device
        modules: dict[str, nn.Module] = {kind: getattr(estimators, kind) for kind in KINDS}
        self.learner = Learner(modules, partial(_adam, self.lr), self.device)
        per_epoch = len(whole_batches(rows, spec.batch))
        ends = [(epoch + 1) * per_epoch for epoch in range(epochs)]
        super().__init__(spec, self.learner, ends, file=file)
        self.title = "the estimators"

    def batches(self, epoch: int) -> list[Tensor]:
        order = torch.randperm(len(self.rows), generator=stream(self.seed, self.name, epoch))
        return whole_batches(self.rows[order], self.batch)

    def learning_rate(self, epoch: int) -> float:
        return self.lr

    def learn(self, rows: Tensor, lr: float, generator: torch.Generator) -> list[float]:
        for module in self.learner.modules.values():
            module.train()
        batch = {name: values[rows.to(self.device)] for name, values in self.train.items()}
        with whole_batch(len(rows), "its images are one another's negatives"):
            ascended = STAGES[self.name](self.estimators, batch)
            told = [-self.learner.descend(kind, -value, lr) for kind, value in ascended.items()]
        return [-sum(told), *told]

    @torch.no_grad()
    def validate(self, epoch: int, losses: Sequence[Sequence[float]]) -> tuple[float, dict[str, float]]:
        """Mean MI of the held-out pairs; the last epoch is kept, whatever they say."""
        for module in self.learner.modules.values():
            module.eval()
        sums, chosen_rows = torch.zeros(6, dtype=torch.float64), 0
        for start in range(0, len(self.held["y"]), self.batch):
            part = {name: values[start : start + self.batch] for name, values in self.held.items()}
            chosen = selected(part["clean"], part["attacked"], part["y"]).nonzero().flatten()
            split = self.estimators.split(part["x"], part["x_adv"], part["clean"], part["attacked"], chosen)
            means = [split.natural_x, split.natural_adv, split.adversarial_x, split.adversarial_adv]
            means += [self.estimators.standard_of(part["x"], part["clean"])]
            means += [self.estimators.standard_of(part["x_adv"], part["attacked"])]
            sums += torch.stack([value.sum().cpu().double() for value in means])
            chosen_rows += len(chosen)
        counts = [chosen_rows] * 4 + [len(self.held["y"])] * 2
        held = HeldOutMI(*(float(s) / n if n else math.nan for s, n in zip(sums, counts, strict=True)))
        return math.nan, asdict(held)

    def record(self, moment: Moment) -> EstimatorStep:
        told = dict(zip(KINDS, moment.losses[-1][1:], strict=False))  # the last rests in the second stage
        natural, adversarial, standard = (told.get(kind, math.nan) for kind in KINDS)
        held = self.history[-1] if moment.ended else None
        step = self.before + moment.step
        return EstimatorStep(self.name, step, self.all, natural, adversarial, standard, held)

    @property
    def history(self) -> list[HeldOutMI]:
        """What the held-out pairs said after each epoch."""
        return [HeldOutMI(**told) for told in self.progress.history]


def _adam(lr: float, module: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(module.parameters(), lr)
