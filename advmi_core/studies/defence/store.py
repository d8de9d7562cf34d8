"""Artefacts of what defence studies have trained and measured, found again by all that it depends on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from advmi_core import __version__
from advmi_core.attacks import Attack
from advmi_core.data import ImageSet
from advmi_core.defenses.estimator_spec import Estimated, EstimatorSpec
from advmi_core.defenses.spec import DefenseSpec
from advmi_core.experiments.artefact import Arrays, Artefact
from advmi_core.files import parse_json
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import Network, state
from advmi_core.studies.defence import attacks
from advmi_core.studies.defence.records import Measured
from advmi_core.studies.defence.spec import DefenceStudySpec


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

    def training(self, spec: DefenseSpec, estimators: LocalEstimators | None) -> Artefact:
        """A defence trained with these estimators."""
        facts = {"spec": spec.to_dict(), "estimators": estimators.digest() if estimators else None}
        return self._use(spec.defense, facts)

    def estimators(self, spec: EstimatorSpec, target: Network) -> Artefact:
        """Estimators trained on this classifier."""
        return self._use("estimators", {"spec": spec.to_dict(), "target": state.digest(target)})

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
