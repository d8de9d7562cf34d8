"""A tiny instance of every kind of study, which the conformance suite starts, kills, damages and shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advmi_core import data, models
from advmi_core.augmentation import Augmentation
from advmi_core.run import Run
from advmi_core.studies.sampling.study import SamplingStudy


def _nothing(place: Path) -> None:
    """The study needs nothing but what comes with AdvMI."""


@dataclass(frozen=True)
class Kind:
    """One kind.

    Attributes:
        start: (root, place) → a run that keeps its parts below the root.
        prepare: fills the place, once, with what the study needs, such as trained models.
    """

    start: Callable[[Path, Path], Run[Any, Any]]
    prepare: Callable[[Path], None] = _nothing


def _sampling(root: Path, place: Path) -> Run[Any, Any]:
    return SamplingStudy(n=7, part=3, samplings=("conv",), steps=2, device="cpu").run(root)


def _augmentation(root: Path, place: Path) -> Run[Any, Any]:
    x = data.load("fashion-mnist", split="test").x[:7]
    return Augmentation(method="l2-uae", part=2, steps=3).run(models.load("ae-dense"), x, directory=root)


KINDS: dict[str, Kind] = {
    "augmentation": Kind(_augmentation),
    "sampling": Kind(_sampling),
}
