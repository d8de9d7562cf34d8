"""Training local DIM estimators on a classifier that was adversarially trained [NAMID, eq. 4–6]."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from advmi_core import device as devices
from advmi_core.data import ImageSet
from advmi_core.defenses.estimator_spec import EstimatorResult, EstimatorSpec, EstimatorStep, HeldOutMI
from advmi_core.defenses.inner import craft
from advmi_core.files import json_number
from advmi_core.memory import whole_batch
from advmi_core.mi.local.dim import KINDS, LocalDIM, build_local_dim, local_dv, selected
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import Classifier
from advmi_core.models.state import digest
from advmi_core.models.training.augment import augmented
from advmi_core.models.training.cards import make_card, revision
from advmi_core.models.training.learner import Learner
from advmi_core.models.training.loop import Loop, Moment
from advmi_core.models.training.progress import ProgressFile
from advmi_core.models.training.splits import make_splits, stream
from advmi_core.rng import derive
from advmi_core.run import Run

Pairs = dict[str, Tensor]
"""x and x̃ (N,C,H,W), their logits ``clean`` and ``attacked`` (N,classes), y (N,)."""


def train_estimators(
    spec: EstimatorSpec,
    target: Classifier,
    out: Path | str | None = None,
    *,
    images: ImageSet | None = None,
    test: ImageSet | None = None,
    first: LocalEstimators | None = None,
    device: str | torch.device = "cpu",
    command: str = "",
) -> Run[EstimatorStep, EstimatorResult]:
    """Train E_n, E_a and E_s on a frozen classifier; ``result`` holds them, also after a ``close``.

    Each training image is augmented and attacked once. First stage: E_n ascends E_n(x, h(x)), E_a ascends
    E_a(x̃ − x, h(x̃)), and E_s ascends the mean of E_s(x, h(x)) and E_s(x̃, h(x̃)). Second stage, on the rows
    that the target has right on x and wrong on x̃: E_n ascends E_n(x, h(x)) − E_n(x, h(x̃)), and E_a ascends
    E_a(x̃ − x, h(x̃)) − E_a(x̃ − x, h(x)).

    A training that ends writes three weights and their cards to ``out``; one that is closed or killed leaves
    progress files there, from which the next call with the same arguments goes on, up to x̃, made anew.

    Args:
        spec: the parameters.
        out: folder for local-dim-KIND.safetensors and their cards; None writes nothing.
        target: the classifier; published is an adversarially trained ResNet-18. Not modified.
        images, test: instead of the data set's splits; no estimator sees a test image.
        first: the estimators as this first stage left them (``result.first``, or a training without a second
            stage): only the second stage is trained, to the weights that both would give. Not modified.
        device: where to train.
        command: the command line that repeats the training, for the card.

    Raises:
        ValueError: a bad argument.
        DataNotFoundError: the data set is not on this machine.
    """
    place, folder = devices.pick(str(device)), None if out is None else Path(out)
    training = _Training(spec, target, images, test, place, folder, command, first)
    return Run(training.records(), training.result, training.total)


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


class _Stage(Loop[EstimatorStep]):
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
        super().__init__(
            self.learner,
            title="the estimators",
            seed=spec.seed,
            lr=self.lr,
            ends=[(epoch + 1) * per_epoch for epoch in range(epochs)],
            file=file,
        )

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


class _Training:
    """The state behind a run."""

    def __init__(
        self,
        spec: EstimatorSpec,
        target: Classifier,
        images: ImageSet | None,
        test: ImageSet | None,
        device: torch.device,
        out: Path | None,
        command: str,
        first: LocalEstimators | None,
    ) -> None:
        self.spec, self.device, self.out, self.command = spec, device, out, command
        self.target = copy.deepcopy(target).to(device).freeze()
        self.splits = make_splits(spec, images, test)
        shape = self.splits.train_x.shape
        made = {
            kind: build_local_dim(
                (shape[1], shape[2], shape[3]),
                self.splits.classes,
                units=spec.units,
                kind=kind,
                seed=derive(spec.seed, place),
            ).to(device)
            for place, kind in enumerate(KINDS)
        }
        if first is not None:
            for kind, estimator in made.items():
                estimator.load_state_dict(getattr(first, kind).state_dict())
        self.estimators = LocalEstimators(**made)
        self.names = ["optimised"] if first is not None else ["first", "optimised"]
        self.about = f"{digest(target)} {first.digest() if first else ''}"
        self.stages: list[_Stage] = []
        self.first: LocalEstimators | None = first
        self.done, self.complete, self.revision = 0, False, revision("advmi_core/defenses", "advmi_core/mi")
        train, held = len(self.splits.train_y), len(self.splits.validation_y)
        crafting = -(-train // spec.batch) - (-held // spec.batch)
        # How many rows are selected is known only after crafting: at most all.
        epochs = spec.optimised_epochs + (spec.epochs if first is None else 0)
        self.total = crafting + epochs * max(1, train // spec.batch)

    def records(self) -> Generator[EstimatorStep, None, None]:
        train = yield from self._craft(self.splits.train_x, self.splits.train_y, "train")
        held = yield from self._craft(self.splits.validation_x, self.splits.validation_y, "held")
        chosen = selected(train["clean"], train["attacked"], train["y"])
        rows = {"first": torch.arange(len(train["y"])), "optimised": chosen.cpu().nonzero().flatten()}
        for name in self.names:
            stage = _Stage(
                name, self.estimators, self.spec, train, held, rows[name], self._file(name),
                before=self.done, total=self.total,
            )  # fmt: skip
            self.stages.append(stage)
            yield from stage.records()
            self.done += stage.total
            if name == "first":
                self.first = copy.deepcopy(self.estimators).to(self.device)
        self.complete = True
        if self.out is not None:
            self.estimators.save(self.out, self._card())
            for name in self.names:
                if (file := self._file(name)) is not None:
                    file.remove()

    def _file(self, stage: str) -> ProgressFile | None:
        if self.out is None:
            return None
        return ProgressFile(self.out, self.spec, self.splits, f"{stage} {self.about}")

    def _craft(self, x: Tensor, y: Tensor, purpose: str) -> Generator[EstimatorStep, None, Pairs]:
        """x augmented once and attacked, part by part."""
        target, spec, made = self.target, self.spec, []
        generator = stream(spec.seed, f"craft {purpose}")
        for part, labels in zip(torch.split(x, spec.batch), torch.split(y, spec.batch), strict=True):
            part = augmented(part, generator, crop=spec.crop, flip=spec.flip)
            noise = torch.rand(part.shape, generator=generator).to(self.device)
            part, labels = part.to(self.device), labels.to(self.device)
            x_adv = craft(
                target, part, labels, noise, eps=spec.eps, steps=spec.steps, norm=spec.norm
            )  # fmt: skip
            with torch.no_grad():
                made.append((part, x_adv, target(part), target(x_adv), labels))
            self.done += 1
            yield EstimatorStep("craft", self.done, self.total, math.nan, math.nan, math.nan, None)
        names = ("x", "x_adv", "clean", "attacked", "y")
        return {name: torch.cat(parts) for name, parts in zip(names, zip(*made, strict=True), strict=True)}

    @property
    def history(self) -> tuple[tuple[str, HeldOutMI], ...]:
        return tuple((stage.name, held) for stage in self.stages for held in stage.history)

    def _card(self) -> dict[str, Any]:
        history = self.history
        last = asdict(history[-1][1]) if history else {}
        held = {key: json_number(value) for key, value in last.items()}
        card = make_card(self.spec, self.splits, len(history), held, {}, self.command, self.revision)
        card["metrics"] = {"split": "validation", **held}
        card["target"] = {"model": self.target.name, "sha256": self.target.card.get("sha256")}
        return card

    def result(self) -> EstimatorResult:
        estimators = self.estimators.to(self.device)
        return EstimatorResult(estimators, self._card(), self.history, self.complete, self.first)


def _adam(lr: float, module: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(module.parameters(), lr)
