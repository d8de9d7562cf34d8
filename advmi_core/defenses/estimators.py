"""Training local DIM estimators on a classifier that was adversarially trained [NAMID, eq. 4–6]."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Generator
from dataclasses import asdict

import torch
from torch import Tensor

from advmi_core import device as devices
from advmi_core.data import ImageSet
from advmi_core.defenses.estimator_spec import EstimatorResult, EstimatorSpec, EstimatorStep, HeldOutMI
from advmi_core.defenses.inner import craft
from advmi_core.files import json_number
from advmi_core.memory import whole_batch
from advmi_core.mi.local.dim import KINDS, LocalDIM, build_local_dim, local_dv, selected
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import Classifier
from advmi_core.models.training.cards import make_card, revision
from advmi_core.models.training.crops import random_crop
from advmi_core.models.training.loop import mirror
from advmi_core.models.training.splits import make_splits, stream
from advmi_core.rng import derive
from advmi_core.run import Run

Pairs = dict[str, Tensor]
"""x and x̃ (N,C,H,W), their logits ``clean`` and ``attacked`` (N,classes), y (N,)."""


def train_estimators(
    spec: EstimatorSpec,
    target: Classifier,
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

    Args:
        spec: the parameters.
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
    training = _Training(spec, target, images, test, devices.pick(str(device)), command, first)
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


class _Training:
    """The state behind a run."""

    def __init__(
        self,
        spec: EstimatorSpec,
        target: Classifier,
        images: ImageSet | None,
        test: ImageSet | None,
        device: torch.device,
        command: str,
        first: LocalEstimators | None,
    ) -> None:
        self.spec, self.device, self.command = spec, device, command
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
        self.stages = [("optimised", spec.optimised_epochs, spec.optimised_lr)]
        if first is None:
            self.stages.insert(0, ("first", spec.epochs, spec.lr))
        self.history: list[tuple[str, HeldOutMI]] = []
        self.first: LocalEstimators | None = first
        self.done, self.complete, self.revision = 0, False, revision("advmi_core/defenses", "advmi_core/mi")
        train, held = len(self.splits.train_y), len(self.splits.validation_y)
        self.crafting = -(-train // spec.batch) - (-held // spec.batch)
        # How many rows are selected is known only after crafting: at most all.
        epochs = sum(epochs for _, epochs, _ in self.stages)
        self.total = self.crafting + epochs * max(1, train // spec.batch)

    def records(self) -> Generator[EstimatorStep, None, None]:
        train = yield from self._craft(self.splits.train_x, self.splits.train_y, "train")
        self.held = yield from self._craft(self.splits.validation_x, self.splits.validation_y, "held")
        chosen = selected(train["clean"], train["attacked"], train["y"])
        rows = {"first": torch.arange(len(train["y"])), "optimised": chosen.cpu().nonzero().flatten()}
        for stage, epochs, lr in self.stages:
            self.optimizers = {
                kind: torch.optim.Adam(getattr(self.estimators, kind).parameters(), lr) for kind in KINDS
            }
            for epoch in range(epochs):
                yield from self._epoch(train, rows[stage], stage, epoch)
            if stage == "first":
                self.first = copy.deepcopy(self.estimators).to(self.device)
        self.complete = True

    def _craft(self, x: Tensor, y: Tensor, purpose: str) -> Generator[EstimatorStep, None, Pairs]:
        """x augmented once and attacked, part by part."""
        target, spec, made = self.target, self.spec, []
        generator = stream(spec.seed, f"craft {purpose}")
        for part, labels in zip(torch.split(x, spec.batch), torch.split(y, spec.batch), strict=True):
            part = random_crop(part, spec.crop, generator) if spec.crop else part
            part = mirror(part, generator) if spec.flip else part
            noise = torch.rand(part.shape, generator=generator).to(self.device)
            part, labels = part.to(self.device), labels.to(self.device)
            x_adv = craft(
                target, part, labels, noise, eps=spec.eps, steps=spec.steps, norm=spec.norm
            )  # fmt: skip
            with torch.no_grad():
                made.append((part, x_adv, target(part), target(x_adv), labels))
            yield self._record("craft", {}, None)
        names = ("x", "x_adv", "clean", "attacked", "y")
        return {name: torch.cat(parts) for name, parts in zip(names, zip(*made, strict=True), strict=True)}

    def _epoch(
        self, pairs: Pairs, rows: Tensor, stage: str, epoch: int
    ) -> Generator[EstimatorStep, None, None]:
        order = rows[torch.randperm(len(rows), generator=stream(self.spec.seed, stage, epoch))]
        batches = whole_batches(order, self.spec.batch)
        for place, batch in enumerate(batches, start=1):
            part = {name: values[batch.to(self.device)] for name, values in pairs.items()}
            values = self._step(part, stage)
            held = self._measure(stage) if place == len(batches) else None
            yield self._record(stage, values, held)

    def _step(self, batch: Pairs, stage: str) -> dict[str, float]:
        for kind in KINDS:
            getattr(self.estimators, kind).train()
        needed = "its images are one another's negatives"
        with whole_batch(len(batch["y"]), needed), torch.enable_grad():
            ascended = STAGES[stage](self.estimators, batch)
            for kind, value in ascended.items():
                self.optimizers[kind].zero_grad()
                torch.autograd.backward(-value)
                self.optimizers[kind].step()
        return {kind: float(value.detach()) for kind, value in ascended.items()}

    @torch.no_grad()
    def _measure(self, stage: str) -> HeldOutMI:
        for kind in KINDS:
            getattr(self.estimators, kind).eval()
        sums, chosen_rows = torch.zeros(6, dtype=torch.float64), 0
        for start in range(0, len(self.held["y"]), self.spec.batch):
            part = {name: values[start : start + self.spec.batch] for name, values in self.held.items()}
            chosen = selected(part["clean"], part["attacked"], part["y"]).nonzero().flatten()
            split = self.estimators.split(part["x"], part["x_adv"], part["clean"], part["attacked"], chosen)
            means = [split.natural_x, split.natural_adv, split.adversarial_x, split.adversarial_adv]
            means += [self.estimators.standard_of(part["x"], part["clean"])]
            means += [self.estimators.standard_of(part["x_adv"], part["attacked"])]
            sums += torch.stack([value.sum().cpu().double() for value in means])
            chosen_rows += len(chosen)
        counts = [chosen_rows] * 4 + [len(self.held["y"])] * 2
        held = HeldOutMI(*(float(s) / n if n else math.nan for s, n in zip(sums, counts, strict=True)))
        self.history.append((stage, held))
        return held

    def _record(self, stage: str, values: dict[str, float], held: HeldOutMI | None) -> EstimatorStep:
        self.done += 1
        natural, adversarial, standard = (values.get(kind, math.nan) for kind in KINDS)
        return EstimatorStep(stage, self.done, self.total, natural, adversarial, standard, held)

    def result(self) -> EstimatorResult:
        last = asdict(self.history[-1][1]) if self.history else {}
        held = {key: json_number(value) for key, value in last.items()}
        card = make_card(self.spec, self.splits, len(self.history), held, {}, self.command, self.revision)
        card["metrics"] = {"split": "validation", **held}
        card["target"] = {"model": self.target.name, "sha256": self.target.card.get("sha256")}
        return EstimatorResult(
            self.estimators.to(self.device), card, tuple(self.history), self.complete, self.first
        )  # fmt: skip
