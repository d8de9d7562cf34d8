"""Training local DIM estimators on a classifier that was adversarially trained [NAMID, eq. 4–6]."""

from __future__ import annotations

import copy
import math
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from advmi_core import device as devices
from advmi_core.data import ImageSet
from advmi_core.defenses.estimator_spec import (
    Estimated,
    EstimatorResult,
    EstimatorSpec,
    EstimatorStep,
    HeldOutMI,
)
from advmi_core.defenses.estimator_stages import Pairs, Stage
from advmi_core.defenses.inner import craft
from advmi_core.defenses.parallel import Ranks
from advmi_core.files import json_number
from advmi_core.mi.local.dim import KINDS, build_local_dim, selected
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import Classifier
from advmi_core.models.state import digest
from advmi_core.models.training.augment import augmented
from advmi_core.models.training.cards import make_card, revision
from advmi_core.models.training.progress import ProgressFile
from advmi_core.models.training.splits import make_splits, stream
from advmi_core.rng import derive
from advmi_core.run import Run


def train_estimators(
    spec: EstimatorSpec,
    target: Classifier,
    out: Path | str | None = None,
    *,
    images: ImageSet | None = None,
    test: ImageSet | None = None,
    device: str | torch.device = "cpu",
    command: str = "",
) -> Run[EstimatorStep, EstimatorResult]:
    """Train E_n, E_a and E_s on a frozen classifier; ``result`` holds them, also after a ``close``.

    Each training image is augmented and attacked once. First stage: E_n ascends E_n(x, h(x)), E_a ascends
    E_a(x̃ − x, h(x̃)), and E_s ascends the mean of E_s(x, h(x)) and E_s(x̃, h(x̃)). Second stage, on the rows
    that the target has right on x and wrong on x̃: E_n ascends E_n(x, h(x)) − E_n(x, h(x̃)), and E_a ascends
    E_a(x̃ − x, h(x̃)) − E_a(x̃ − x, h(x)).

    A training that ends writes the estimators of both stages to ``out``, see ``Estimated``. One that is
    closed or killed leaves progress files there, from which the next call with the same arguments goes on; x̃
    is made anew.

    Args:
        spec: the parameters.
        out: folder for the estimators and their cards; None writes nothing.
        target: the classifier; published is an adversarially trained ResNet-18. Not modified.
        images, test: instead of the data set's splits; no estimator sees a test image.
        device: where to train.
        command: the command line that repeats the training, for the card.

    Raises:
        ValueError: a bad argument.
        DataNotFoundError: the data set is not on this machine.
    """
    place, folder = devices.pick(str(device)), None if out is None else Path(out)
    training = _Training(spec, target, images, test, place, folder, command)
    return Run(training.records(), training.result, training.total)


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
        self.estimators = LocalEstimators(**made)
        self.about = digest(target)
        self.stages: list[Stage] = []
        self.first: LocalEstimators | None = None
        self.done, self.complete, self.revision = 0, False, revision("advmi_core/defenses", "advmi_core/mi")
        train, held = len(self.splits.train_y), len(self.splits.validation_y)
        crafting = -(-train // spec.batch) - (-held // spec.batch)
        # How many rows are selected is known only after crafting: at most all.
        self.total = crafting + (spec.epochs + spec.optimised_epochs) * max(1, train // spec.batch)

    def records(self) -> Generator[EstimatorStep, None, None]:
        train = yield from self._craft(self.splits.train_x, self.splits.train_y, "train")
        held = yield from self._craft(self.splits.validation_x, self.splits.validation_y, "held")
        chosen = selected(train["clean"], train["attacked"], train["y"])
        rows = {"first": torch.arange(len(train["y"])), "optimised": chosen.cpu().nonzero().flatten()}
        for name, positions in rows.items():
            stage = Stage(
                name, self.estimators, self.spec, train, held, positions, self._file(name),
                before=self.done, total=self.total,
            )  # fmt: skip
            self.stages.append(stage)
            yield from stage.records()
            self.done += stage.total
            if self.first is None:
                self.first = copy.deepcopy(self.estimators).to(self.device)
        self.complete = True
        if self.out is not None and Ranks.current().rank == 0:
            assert self.first is not None  # the first stage is over
            Estimated(self.first, self.estimators).save(self.out, self._card())
            for stage in self.stages:
                if stage.file is not None:
                    stage.file.remove()

    def _file(self, stage: str) -> ProgressFile | None:
        if self.out is None:
            return None
        more, writes = f"{stage} {self.about}", Ranks.current().rank == 0
        return ProgressFile(self.out, self.spec, self.splits, more, writes=writes)

    def _craft(self, x: Tensor, y: Tensor, purpose: str) -> Generator[EstimatorStep, None, Pairs]:
        """x augmented once and attacked, part by part."""
        target, spec, made = self.target, self.spec, []
        generator = stream(spec.seed, f"craft {purpose}")
        for part, labels in zip(torch.split(x, spec.batch), torch.split(y, spec.batch), strict=True):
            part = augmented(part, generator, flip=spec.flip, crop=spec.crop)
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
