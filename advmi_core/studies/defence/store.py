"""Store of what defence studies have trained and measured, found again by all that it depends on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from advmi_core import __version__
from advmi_core.attacks import Attack
from advmi_core.data import ImageSet
from advmi_core.defenses.estimator_spec import Estimated, EstimatorSpec
from advmi_core.defenses.folders import DefenseFolder, EstimatorFolder
from advmi_core.defenses.spec import DefenseSpec
from advmi_core.files import cannot_write, parse_json
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import Network, state
from advmi_core.parts import Parts, digest, read_arrays
from advmi_core.studies.defence import attacks
from advmi_core.studies.defence.records import Measured

_VALUES = "values"


class TrainingStore:
    """The folders of all lessons on the same images.

    Args:
        directory: where they lie; made if it does not exist.
        images, test: what is trained on, and what is attacked in the end.
        device: where it is computed.

    Raises:
        ValueError: the directory cannot be written.
    """

    def __init__(self, directory: Path, images: ImageSet, test: ImageSet, device: torch.device) -> None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(cannot_write(directory, error)) from error
        self._directory = directory
        self._facts = {"advmi": __version__, "images": images.digest(), "test": test.digest()}
        if device.type != "cpu":  # whose trainings differ from a CPU's by far more than rounding
            self._facts["device"] = device.type

    def training(self, spec: DefenseSpec, estimators: LocalEstimators | None) -> DefenseFolder:
        """The folder of a defence trained with these estimators."""
        facts = {"spec": spec.to_dict(), "estimators": estimators.digest() if estimators else None}
        return DefenseFolder(self._path(spec.defense, facts), spec.model)

    def estimators(self, spec: EstimatorSpec, target: Network) -> EstimatorFolder:
        """The folder of estimators trained on this classifier."""
        return EstimatorFolder(
            self._path("estimators", {"spec": spec.to_dict(), "target": state.digest(target)})
        )

    def attacked(self, attack: Attack, network: Network, estimated: Estimated) -> AttackFolder:
        """The folder of this classifier under this attack, seen through these estimators."""
        seen = {"first": estimated.first.digest(), "optimised": estimated.optimised.digest()}
        facts = {"attack": attack.spec(), "network": state.digest(network), "estimators": seen}
        return AttackFolder(Parts(self._directory, "attacked", self._facts | facts))

    def _path(self, kind: str, facts: dict[str, Any]) -> Path:
        return self._directory / f"{kind}-{digest(json.dumps(self._facts | facts, sort_keys=True))}"


@dataclass(frozen=True)
class AttackFolder:
    """One model under one attack."""

    parts: Parts

    def load(self) -> Measured | None:
        """What was measured; None where it is not there, or damaged."""
        arrays = read_arrays(self.parts.part(_VALUES))
        try:
            return None if arrays is None else attacks.from_arrays(
                {name: torch.from_numpy(values) for name, values in arrays.items()}
            )  # fmt: skip
        except TypeError:
            return None

    def keep(self, measured: Measured, seconds: float) -> None:
        """Keep it."""
        self.parts.open()
        arrays = {name: values.numpy() for name, values in attacks.to_arrays(measured).items()}
        self.parts.write_arrays(_VALUES, arrays, seconds)


@dataclass(frozen=True)
class Trained:
    """A model that a lesson has trained.

    Attributes:
        name: its folder, which no other training has.
        title: for people.
        weights: its file, with the card beside it.
    """

    name: str
    title: str
    weights: Path


def trained_models(directory: Path) -> list[Trained]:
    """The finished trainings of all lessons in a folder, each model once, the latest first."""
    found: dict[str, Trained] = {}
    weights = sorted(directory.glob("*/*.safetensors"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in weights:
        if (one := _described(path.with_suffix(".json"))) is not None:
            found.setdefault(*one)
    return list(found.values())


def _described(card: Path) -> tuple[str, Trained] | None:
    """The hash of a model's weights, and the model; None where the card is no card."""
    try:
        facts = parse_json(card.read_text(encoding="utf-8"))
        spec = DefenseSpec(**facts["spec"])
        title = f"{spec.method.title} ({spec.model}, ε {spec.eps:g}"
        title += f", α {spec.alpha:g}, λ {spec.penalty:g})" if "alpha" in spec.method.parameters else ")"
        images = facts["dataset"]["training_images"]
        return facts["sha256"], Trained(
            card.parent.name, f"{title}, {images} images", card.with_suffix(".safetensors")
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return None
