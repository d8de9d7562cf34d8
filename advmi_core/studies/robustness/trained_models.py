"""Trained models on disk: found by row and seed, known by the hash of their weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advmi_core import models
from advmi_core.files import parse_json
from advmi_core.models import Network
from advmi_core.studies.robustness.variants import Variant


@dataclass(frozen=True)
class TrainedModel:
    """A trained classifier.

    Attributes:
        model: its key of ``MODELS``.
        path: of its weights.
        sha256: of that file; what the model is, wherever it lies.
        card: what its training said of it.
    """

    model: str
    path: Path
    sha256: str
    card: dict[str, Any]

    @property
    def spec(self) -> dict[str, Any]:
        """Parameters of its training; empty if the card tells none."""
        spec = self.card.get("spec")
        return spec if isinstance(spec, dict) else {}

    @property
    def training(self) -> dict[str, Any]:
        """How it was trained: parameters, number of images, epoch that was kept, digest of its estimators."""
        images, kept = self.card.get("dataset", {}), self.card.get("validation", {})
        return {
            "spec": self.spec,
            "images": images.get("training_images"),
            "epoch": kept.get("epoch"),
            "estimators": self.card.get("estimators"),
        }

    def load(self, device: str) -> Network:
        """The network, frozen.

        Raises:
            CheckpointError: the weights are damaged or not what the card says.
        """
        return models.load(self.model, device=device, weights=self.path)


def read(path: Path, model: str) -> TrainedModel:
    """The model in a file with its card beside it.

    Raises:
        ValueError: one of them is missing, or the card is none.
    """
    try:
        blob = path.read_bytes()
        card = parse_json(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} with its card {path.stem}.json cannot be read: {error}") from error
    if not isinstance(card, dict):
        raise ValueError(f"{path.with_suffix('.json')} must be a model's card, got {type(card).__name__}")
    return TrainedModel(model, path, hashlib.sha256(blob).hexdigest(), card)


# What may differ between the rows of one table; ε and norm are ``RobustnessStudy.radius``'s to judge.
_OWN = ("defense", "seed", "alpha", "penalty", "terms", "wmim_weight", "delay", "warmup", "eps", "norm")


def check_alike(found: Mapping[tuple[str, int], TrainedModel]) -> None:
    """Raise ValueError if models of one table had different budgets; the keys are row and seed."""
    first: tuple[tuple[str, int], dict[str, Any]] | None = None
    for key, subject in found.items():
        training = subject.training
        shared = {name: value for name, value in training["spec"].items() if name not in _OWN}
        shared["training images"] = training["images"]
        if first is None:
            first = key, shared
        for name in sorted(shared.keys() | first[1].keys()):
            if shared.get(name) != first[1].get(name):
                raise ValueError(
                    f"the models must be trained alike, but {name} is {first[1].get(name)} of "
                    f"{_named(first[0])} and {shared.get(name)} of {_named(key)}"
                )


def _named(key: tuple[str, int]) -> str:
    return f"{key[0]}, seed {key[1]},"


def find(trained: Path, row: str, variant: Variant, seed: int, model: str, dataset: str) -> TrainedModel:
    """The model of a row and seed in a folder that ``advmi train-defences`` filled.

    Raises:
        ValueError: it is not there, or its card is of another training.
    """
    path = trained / row / f"seed-{seed}" / f"{model}.safetensors"
    if not path.is_file():
        raise ValueError(
            f"there is no trained {variant.title} of seed {seed}: wanted {path}; "
            "`advmi train-defences --out DIR` trains all"
        )
    found = read(path, model)
    wanted = {"defense": variant.defense, "dataset": dataset, "seed": seed, **variant.changes}
    seen = {key: found.spec.get(key) for key in wanted}
    if seen != wanted:
        raise ValueError(f"{path} must be of a training with {wanted}, its card says {seen}")
    return found
