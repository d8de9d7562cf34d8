"""The images of a study: learnt, held out for choices, and measured."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from advmi_core import data
from advmi_core.augmentation import Augmented
from advmi_core.data import ImageSet
from advmi_core.models.training.splits import stream
from advmi_core.studies.autoencoders.retraining import Retraining
from advmi_core.studies.autoencoders.training import TrainingSet


@dataclass(frozen=True, eq=False)
class Images:
    """Three sets of images (·,C,H,W) in [0,1]; ``measured`` may be the validation images."""

    train: ImageSet
    validation: ImageSet
    measured: ImageSet

    def hashes(self) -> dict[str, str]:
        """sha256 of each set's images."""
        return {
            name: hashlib.sha256(part.x.numpy().tobytes()).hexdigest() for name, part in vars(self).items()
        }


def load(study: Retraining, measured: str = "test") -> Images:
    """The images that a study names, measured on the ``"test"`` split or on the ``"validation"`` images.

    Raises:
        ValueError: the training split has too few.
        DataNotFoundError: the data set is not on this machine.
    """
    train = data.load(study.dataset, split="train")
    last = study.n + study.validation
    if last > len(train):
        raise ValueError(
            f"n + validation must be at most the {len(train)} training images of {study.dataset} that are "
            f"here, got {study.n} + {study.validation}"
        )
    validation = train.take(range(study.n, last))
    held = validation if measured == "validation" else data.load(study.dataset, split="test")
    return Images(train.first(study.n), validation, held)


def chosen(study: Retraining, success: Tensor) -> Tensor:
    """(u,) ascending positions of the new images that are mixed in, from ``success`` (N,) bool."""
    candidates = success.cpu().nonzero().flatten() if study.only_successful else torch.arange(len(success))
    order = torch.randperm(len(candidates), generator=stream(0, "share"))
    return candidates[order[: round(study.share * len(candidates))]].sort().values


def lesson(images: Images, made: Augmented | None, positions: Tensor, target: str) -> TrainingSet:
    """The originals and, beside them, the new images at these positions, with one of ``TARGETS``."""
    x, validation = images.train.x, images.validation.x
    if made is None:
        return TrainingSet(x, x, validation)
    new = made.x_adv[positions]
    targets = new if target == "self" else x[positions]
    return TrainingSet(torch.cat([x, new]), torch.cat([x, targets]), validation)
