"""A tiny instance of every kind of study, which the conformance suite starts, kills, damages and shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advmi_core.models import build, checkpoints
from advmi_core.run import Run
from advmi_core.studies.robustness import RobustnessStudy
from advmi_core.studies.sampling.study import SamplingStudy
from advmi_core.studies.sweep import Method, Sweep


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


def _sweep(root: Path, place: Path) -> Run[Any, Any]:
    pgd = Method(name="pgd", attack="pgd", parameters={"steps": 3, "mi_steps": 2}, eps=(0.03, 0.3))
    return Sweep(name="tiny", n=5, shard=2, methods=(pgd,)).run(root, device="cpu")


def _train_two(place: Path) -> None:
    for seed in (0, 1):
        spec = {"defense": "standard", "dataset": "fashion-mnist", "seed": seed, "eps": 0.02, "norm": "linf"}
        checkpoints.save(
            build("cnn", seed=seed), {"metrics": {}, "spec": spec}, place / "standard" / f"seed-{seed}"
        )


def _robustness(root: Path, place: Path) -> Run[Any, Any]:
    return RobustnessStudy(
        kind="whitebox", model="cnn", rows=("standard",), seeds=(0, 1), attacks=("None", "PGD-10"), n=7,
        batch=3, device="cpu", trained=place,
    ).run(root)  # fmt: skip


KINDS: dict[str, Kind] = {
    "robustness": Kind(_robustness, _train_two),
    "sampling": Kind(_sampling),
    "sweep": Kind(_sweep),
}
