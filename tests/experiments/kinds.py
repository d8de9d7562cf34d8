"""A tiny instance of every kind of study, which the conformance suite starts, kills, damages and shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from advmi_core import data, models
from advmi_core.attacks import FWA, PGD, Attack
from advmi_core.augmentation import Augmentation
from advmi_core.models import build, checkpoints
from advmi_core.run import Run
from advmi_core.studies.autoencoders import RetrainingStudy
from advmi_core.studies.autoencoders.features.representation import RepresentationStudy
from advmi_core.studies.defence import DefenceStudy, attacks
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


def _augmentation(root: Path, place: Path) -> Run[Any, Any]:
    x = data.load("fashion-mnist", split="test").x[:7]
    return Augmentation(method="l2-uae", part=2, steps=3).run(models.load("ae-dense"), x, directory=root)


_FEW: dict[str, Any] = {
    "n": 20, "validation": 10, "seeds": (0,), "epochs": 1, "batch": 10, "steps": 2, "inner": 1, "part": 10,
}  # fmt: skip


def _retraining(root: Path, place: Path) -> Run[Any, Any]:
    return RetrainingStudy(
        models=("ae-dense",), rows=("original", "mine-uae-patches", "gaussian"), measured="validation",
        asr_images=4, fooled=2, device="cpu", **_FEW,
    ).run(root)  # fmt: skip


def _features(root: Path, place: Path) -> Run[Any, Any]:
    return RepresentationStudy(**_FEW).run(root, device="cpu")


def _short(eps: float, seed: int) -> dict[str, Attack]:
    given: dict[str, Any] = {"eps": eps, "seed": seed, "steps": 2, "mi_steps": 0}
    return {"PGD": PGD(loss="ce", **given), "FWA": FWA(**given)}


def _defence(root: Path, place: Path) -> Run[Any, Any]:
    study = DefenceStudy(n=24, measured=4, epochs=2, batch=8, steps=1, units=4, first=1, optimised=1)
    with mock.patch.object(attacks, "attacks", _short):  # they are made when the run is
        return study.run(root, device="cpu")


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
    "augmentation": Kind(_augmentation),
    "defence": Kind(_defence),
    "features": Kind(_features),
    "retraining": Kind(_retraining),
    "robustness": Kind(_robustness, _train_two),
    "sampling": Kind(_sampling),
    "sweep": Kind(_sweep),
}
