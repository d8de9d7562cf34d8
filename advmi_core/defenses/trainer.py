"""The trainer of all defences: a generator of records that survives a kill and learns from no test image."""

from __future__ import annotations

import json
import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advmi_core import device as devices
from advmi_core.data import ImageSet
from advmi_core.defenses.learner import DefenseLearner
from advmi_core.defenses.parallel import Ranks
from advmi_core.defenses.records import DefenseResult, DefenseStep, Epoch, LossTerms
from advmi_core.defenses.spec import DefenseSpec
from advmi_core.defenses.validation import VALIDATED_BY, validate
from advmi_core.files import write_text
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import Network, build, measure
from advmi_core.models.training.augment import augmented
from advmi_core.models.training.cards import make_card, revision
from advmi_core.models.training.images import ImageLoop
from advmi_core.models.training.loop import Moment
from advmi_core.models.training.progress import ProgressFile
from advmi_core.models.training.splits import Splits, make_splits
from advmi_core.run import Run
from advmi_core.validate import check_count


def train_defense(
    spec: DefenseSpec,
    out: Path | str | None = None,
    *,
    estimators: LocalEstimators | None = None,
    images: ImageSet | None = None,
    test: ImageSet | None = None,
    device: str | torch.device = "cpu",
    record_every: int = 20,
    command: str = "",
) -> Run[DefenseStep, DefenseResult]:
    """Train a classifier adversarially; iterate the run for records, read ``result`` for the model.

    A training that ends writes its epochs, its weights and their card to ``out``. One that is closed or
    killed leaves a progress file there (a kill loses at most the epoch in progress), and the next call with
    the same spec, data, estimators and folder goes on from it to the same weights, bit for bit on a CPU.
    Under ``torchrun`` every process calls this alike, inside ``parallel.processes``; all of them must see the
    same folder.

    Args:
        spec: what to train and how.
        out: folder for MODEL.safetensors and MODEL.json; None writes nothing.
        estimators: needed by the defences with a term of mutual information; others only measure by them.
        images, test: instead of the data set's training and test split.
        device: where to train.
        record_every: steps between two records; the end of an epoch always has one.
        command: the command line that repeats the training, for the card.

    Raises:
        ValueError: a bad argument, or images that the model or the estimators cannot take.
        DataNotFoundError: the data set is not on this machine.
        TrainingError: (while running) the loss is no longer a finite number.
    """
    check_count(record_every, "record_every")
    splits = make_splits(spec, images, test)
    _check(spec, splits, estimators)
    folder = None if out is None else Path(out)
    training = _Training(
        spec, splits, estimators, devices.pick(str(device)), folder, command, record_every
    )  # fmt: skip
    return Run(training.records(), training.result, training.total)


def _check(spec: DefenseSpec, splits: Splits, estimators: LocalEstimators | None) -> None:
    ranks = Ranks.current()
    if spec.batch % ranks.size:
        raise ValueError(f"batch must be a multiple of the {ranks.size} processes, got {spec.batch}")
    if spec.batch > len(splits.train_y):
        raise ValueError(f"batch must be at most the {len(splits.train_y)} training images, got {spec.batch}")
    if estimators is None:
        if spec.method.term:
            raise ValueError(f"{spec.method.title} needs estimators, got None")
        return
    shape, classes = tuple(splits.train_x.shape[1:]), splits.classes
    seen = (tuple(estimators.natural.in_shape), estimators.natural.classes)
    if seen != (shape, classes):
        raise ValueError(
            f"estimators must be of images {shape} and {classes} classes, got {seen[0]} and {seen[1]}"
        )


def history_file(out: Path, model: str) -> Path:
    """Where the epochs of a finished training lie beside its weights: a list of ``Epoch.to_dict``."""
    return out / f"{model}-history.json"


class _Training(ImageLoop[DefenseStep]):
    """The state behind a run."""

    def __init__(
        self,
        spec: DefenseSpec,
        splits: Splits,
        estimators: LocalEstimators | None,
        device: torch.device,
        out: Path | None,
        command: str,
        record_every: int,
    ) -> None:
        channels, height, width = splits.train_x.shape[1:]
        network = build(spec.model, (channels, height, width), splits.classes, spec.seed)
        ranks = Ranks.current()
        estimators = None if estimators is None else estimators.to(device)
        self.spec, self.learner = spec, DefenseLearner(network, spec, estimators, device, ranks)
        self.estimators = "" if estimators is None else estimators.digest()
        self.about = command, revision("advmi_core/defenses", "advmi_core/mi")  # now: files may change
        file = None
        if out is not None:
            file = ProgressFile(out, spec, splits, self.estimators, writes=ranks.rank == 0)
        # Batch normalisation wants whole batches; other images are left out each time.
        super().__init__(
            spec, splits, self.learner, epochs=spec.epochs, whole=True, better=operator.gt, out=out,
            file=file, record_every=record_every,
        )  # fmt: skip
        self.title = spec.method.title
        ranks.agree(self.progress.step, "the step to go on from", device)

    @property
    def history(self) -> tuple[Epoch, ...]:
        return tuple(map(Epoch.from_dict, self.progress.history))

    def learning_rate(self, epoch: int) -> float:
        return self.spec.learning_rate(epoch)

    def learn(self, rows: Tensor, lr: float, generator: torch.Generator) -> list[float]:
        strength = self.spec.strength(self.progress.step / self.per_epoch)
        rows = rows.to(self.device)
        x = augmented(self.x[rows], generator, flip=self.spec.flip, crop=self.spec.crop)
        return self.learner.step(x, self.y[rows], lr, generator, strength).values()

    def validate(self, epoch: int, losses: Sequence[Sequence[float]]) -> tuple[float, dict[str, Any]]:
        train = LossTerms(*np.mean(losses, 0).tolist())
        found = validate(self.learner, self.splits.validation_x, self.splits.validation_y, epoch, train)
        return found.robust, found.to_dict()

    def record(self, moment: Moment) -> DefenseStep:
        return DefenseStep(
            moment.step, self.total, moment.epoch, self.spec.epochs, moment.lr,
            LossTerms(*moment.losses[-1]), self.history[-1] if moment.ended else None,
        )  # fmt: skip

    def write(self, out: Path) -> None:
        text = json.dumps(self.progress.history, indent=1) + "\n"
        write_text(history_file(out, self.spec.model), text)
        super().write(out)

    def card(self, network: Network) -> dict[str, Any]:
        best, splits = self.progress.best_epoch, self.splits
        chosen = self.history[best - 1].numbers() if best else {}
        test = measure(network, splits.test_x, splits.test_y)
        card = make_card(self.spec, splits, best, chosen, test, *self.about)
        return card | {"validated_by": VALIDATED_BY, "estimators": self.estimators or None}

    def result(self) -> DefenseResult:
        return DefenseResult(self.kept(), self.spec, self.history, self.complete)
