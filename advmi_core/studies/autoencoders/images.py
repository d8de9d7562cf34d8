"""The images of a study: learnt, held out for choices, and measured."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from advmi_core import data
from advmi_core.augmentation import Augmented
from advmi_core.models.training.splits import stream
from advmi_core.studies.autoencoders.spec import RetrainingSpec
from advmi_core.studies.autoencoders.training import TrainingSet


@dataclass(frozen=True, eq=False)
class Images:
    """Three sets of images (·,C,H,W) in [0,1]; ``measured`` may be the validation images."""

    x: Tensor
    validation: Tensor
    measured: Tensor

    def hashes(self) -> dict[str, str]:
        """sha256 of each set."""
        sets = {"train": self.x, "validation": self.validation, "measured": self.measured}
        return {name: hashlib.sha256(part.numpy().tobytes()).hexdigest() for name, part in sets.items()}


def load(study: RetrainingSpec) -> Images:
    """The images that the study names.

    Raises:
        ValueError: the training split has too few.
        DataNotFoundError: the data set is not on this machine.
    """
    train = data.load(study.dataset, split="train").x
    last = study.n + study.validation
    if last > len(train):
        raise ValueError(
            f"n + validation must be at most the {len(train)} training images of {study.dataset} that are "
            f"here, got {study.n} + {study.validation}"
        )
    validation = train[study.n : last]
    measured = validation if study.measured == "validation" else data.load(study.dataset, split="test").x
    return Images(train[: study.n], validation, measured)


def chosen(study: RetrainingSpec, success: Tensor) -> Tensor:
    """(u,) ascending positions of the new images that are mixed in, from ``success`` (N,) bool."""
    candidates = success.cpu().nonzero().flatten() if study.only_successful else torch.arange(len(success))
    order = torch.randperm(len(candidates), generator=stream(0, "share"))
    return candidates[order[: round(study.share * len(candidates))]].sort().values


def lesson(images: Images, made: Augmented | None, positions: Tensor, target: str) -> TrainingSet:
    """The originals and, beside them, the new images at these positions, with one of ``TARGETS``."""
    if made is None:
        return TrainingSet(images.x, images.x, images.validation)
    new = made.x_adv[positions]
    targets = new if target == "self" else images.x[positions]
    return TrainingSet(torch.cat([images.x, new]), torch.cat([images.x, targets]), images.validation)
