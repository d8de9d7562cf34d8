"""The new images of one model's rows, made for its base."""

from __future__ import annotations

import math
from collections.abc import Generator
from pathlib import Path

import torch
from torch import Tensor

from advmi_core.augmentation import Augmented, AugmentStep
from advmi_core.models import Autoencoder
from advmi_core.studies.autoencoders.images import chosen
from advmi_core.studies.autoencoders.records import NOISES, MakingStep
from advmi_core.studies.autoencoders.spec import RetrainingSpec


class NewImages:
    """What has been made so far, on disk and here.

    Args:
        study: says how.
        model: name of the base.
        directory: where the folders of all sets of images lie.

    Attributes:
        made: row → new images of the training images, complete.
    """

    def __init__(self, study: RetrainingSpec, model: str, directory: Path) -> None:
        self._study, self._model, self._directory = study, model, directory
        self.made: dict[str, Augmented] = {}
        self._lengths: dict[str, Tensor] = {}

    def make(self, base: Autoencoder, row: str, split: str, x: Tensor) -> Generator[MakingStep, None, None]:
        """A row's new images of all x (N,C,H,W) of a split; the records do not count the study's steps."""
        # The UAEs that noise is as long as come first in ``ROWS``, so their lengths are known.
        noise = row in NOISES
        lengths = self._lengths[split] * self._study.length(row, self._model) if noise else None
        how = self._study.augmentation(row, self._model)
        with how.run(base, x, l2=lengths, directory=self._directory) as run:
            for step in run:
                if step.done < len(x):
                    yield self._record(row, split, step, len(x))
            made = run.result
        if split == "train":
            self.made[row] = made
        if row == self._study.matched:
            self._lengths[split] = made.l2
        yield self._record(row, split, step, len(x), made)

    def positions(self, row: str) -> Tensor:
        """(u,) of the images that are mixed in.

        Noise has no success of its own: it takes the place of the very UAEs that it is as long as.
        """
        source = self.made.get(self._study.matched or "" if row in NOISES else row)
        return torch.empty(0, dtype=torch.int64) if source is None else chosen(self._study, source.success)

    def _record(
        self, row: str, split: str, step: AugmentStep, count: int, made: Augmented | None = None
    ) -> MakingStep:
        lengths = (made.l2, made.start_l2, made.moved_l2) if made else ()
        l2, start, moved = (float(values.mean()) for values in lengths) if lengths else (math.nan,) * 3
        return MakingStep(
            step=0,
            total=0,
            model=self._model,
            row=row,
            split=split,
            done=step.done,
            count=count,
            success=step.success,
            l2=l2,
            start_l2=start,
            moved_l2=moved,
            reused=step.reused,
        )
