"""Artefacts of what defence studies have trained and measured, found again by all that it depends on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from advmi_core import __version__, models
from advmi_core.attacks import Attack
from advmi_core.data import ImageSet
from advmi_core.defenses.estimator_spec import EstimatorResult, EstimatorSpec
from advmi_core.defenses.records import Epoch
from advmi_core.defenses.spec import DefenseSpec
from advmi_core.experiments.artefact import Arrays, Artefact
from advmi_core.files import parse_json
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import CheckpointError, Network, state
from advmi_core.studies.defence import attacks
from advmi_core.studies.defence.attacks import Estimated
from advmi_core.studies.defence.records import Measured
from advmi_core.studies.defence.spec import DefenceStudySpec

HISTORY, VALUES = "history", "values"


class TrainingStore:
    """The artefacts of all studies on the same images.

    Args:
        directory: where they lie; made if it does not exist.
        images, test: what is trained on, and what is attacked in the end.
        device: where it is computed.

    Attributes:
        uses: those that were asked for, but for the study's own.
    """

    def __init__(self, directory: Path, images: ImageSet, test: ImageSet, device: torch.device) -> None:
        self._directory = directory
        self.uses: list[Artefact] = []
        self._facts = {"advmi": __version__, "images": images.digest(), "test": test.digest()}
        if device.type != "cpu":  # whose trainings differ from a CPU's by far more than rounding
            self._facts["device"] = device.type

    def study(self, lesson: DefenceStudySpec) -> Artefact:
        """The study's own, which says how far it is."""
        return self._open("defence", lesson.spec())

    def training(self, spec: DefenseSpec, estimators: LocalEstimators | None) -> TrainingFolder:
        """A defence trained with these estimators."""
        facts = {"spec": spec.to_dict(), "estimators": estimators.digest() if estimators else None}
        return TrainingFolder(self._use(spec.defense, facts), spec)

    def estimators(self, spec: EstimatorSpec, target: Network) -> EstimatorFolder:
        """Estimators trained on this classifier."""
        facts = {"spec": spec.to_dict(), "target": state.digest(target)}
        return EstimatorFolder(self._use("estimators", facts))

    def attacked(self, attack: Attack, network: Network, estimated: Estimated) -> Artefact:
        """This classifier under this attack, seen through these estimators."""
        seen = {"first": estimated.first.digest(), "optimised": estimated.optimised.digest()}
        facts = {"attack": attack.spec(), "network": state.digest(network), "estimators": seen}
        return self._use("attacked", facts)

    def _use(self, kind: str, facts: dict[str, Any]) -> Artefact:
        self.uses.append(self._open(kind, facts))
        return self.uses[-1]

    def _open(self, kind: str, facts: dict[str, Any]) -> Artefact:
        artefact = Artefact(self._directory, kind, self._facts | facts)
        artefact.open()
        return artefact


@dataclass(frozen=True)
class TrainingFolder:
    """One training: its epochs are a part; weights and card, by ``train_defense``, lie beside it."""

    artefact: Artefact
    spec: DefenseSpec

    @property
    def weights(self) -> Path:
        """The file of the weights."""
        return self.artefact.folder / f"{self.spec.model}.safetensors"

    def good(self, arrays: Arrays) -> bool:
        """Whether all epochs are there, and the weights."""
        try:
            self.network()
            return len(history(arrays)) == self.spec.epochs
        except (CheckpointError, ValueError, KeyError, TypeError):
            return False

    def network(self) -> Network:
        """The trained model with its card, frozen.

        Raises:
            CheckpointError: it is not there, or damaged.
        """
        return models.load(self.spec.model, weights=self.weights)


def history_arrays(history: tuple[Epoch, ...]) -> Arrays:
    """The epochs of a training as a part."""
    return {HISTORY: np.array(json.dumps([epoch.to_dict() for epoch in history]))}


def history(arrays: Arrays) -> tuple[Epoch, ...]:
    """What ``history_arrays`` was given."""
    return tuple(Epoch.from_dict(line) for line in parse_json(str(arrays[HISTORY])))


@dataclass(frozen=True)
class EstimatorFolder:
    """Estimators of Eq. 4 and of Eq. 5: their held-out MI is a part, their weights lie beside it."""

    artefact: Artefact

    def path(self, stage: str) -> Path:
        """Where the estimators of one of ``STAGES`` lie."""
        return self.artefact.folder / stage

    def good(self, arrays: Arrays) -> bool:
        """Whether all weights are there."""
        try:
            self.load()
        except CheckpointError:
            return False
        return HISTORY in arrays

    def load(self) -> Estimated:
        """Both.

        Raises:
            CheckpointError: a file is not there, or damaged.
        """
        return Estimated(*(LocalEstimators.load(self.path(stage)) for stage in attacks.STAGES))

    def keep(self, found: EstimatorResult) -> Arrays:
        """Keep the weights of a whole training; returns the part."""
        assert found.first is not None  # it was drained
        for stage, estimators in zip(attacks.STAGES, (found.first, found.estimators), strict=True):
            estimators.save(self.path(stage), found.card)
        return {HISTORY: np.array(json.dumps([[stage, vars(held)] for stage, held in found.history]))}


def to_measured(arrays: Arrays) -> Measured | None:
    """What was measured, from its part; None if that is not what the arrays hold."""
    try:
        return attacks.from_arrays({name: torch.from_numpy(values) for name, values in arrays.items()})
    except TypeError:
        return None


@dataclass(frozen=True)
class Trained:
    """A model that a study has trained.

    Attributes:
        name: its folder, which no other training has.
        title: for people.
        weights: its file, with the card beside it.
    """

    name: str
    title: str
    weights: Path


def trained_models(directory: Path) -> list[Trained]:
    """The finished trainings of all studies in a folder, each model once, the latest first."""
    found: dict[str, Trained] = {}
    files = sorted(directory.glob("*/*.safetensors"), key=lambda path: path.stat().st_mtime, reverse=True)
    for weights in files:
        if (one := _described(weights)) is not None:
            found.setdefault(*one)
    return list(found.values())


def _described(weights: Path) -> tuple[str, Trained] | None:
    """The hash of a model's weights, and the model; None where it has no card."""
    try:
        facts = parse_json(weights.with_suffix(".json").read_text(encoding="utf-8"))
        spec = DefenseSpec(**facts["spec"])
        title = f"{spec.method.title} ({spec.model}, ε {spec.eps:g}"
        title += f", α {spec.alpha:g}, λ {spec.penalty:g})" if "alpha" in spec.method.parameters else ")"
        images = facts["dataset"]["training_images"]
        return facts["sha256"], Trained(weights.parent.name, f"{title}, {images} images", weights)
    except (OSError, ValueError, KeyError, TypeError):
        return None
