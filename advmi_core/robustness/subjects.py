"""Trained models on disk: found by row and seed, known by the hash of their weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advmi_core import models
from advmi_core.models import Network
from advmi_core.robustness.variants import Variant


@dataclass(frozen=True)
class Subject:
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

    def load(self, device: str) -> Network:
        """The network, frozen.

        Raises:
            CheckpointError: the weights are damaged or not what the card says.
        """
        return models.load(self.model, device=device, weights=self.path)


def read(path: Path, model: str) -> Subject:
    """The model in a file with its card beside it.

    Raises:
        ValueError: one of them is missing, or the card is none.
    """
    try:
        blob = path.read_bytes()
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} with its card {path.stem}.json cannot be read: {error}") from error
    if not isinstance(card, dict):
        raise ValueError(f"{path.with_suffix('.json')} must be a model's card, got {type(card).__name__}")
    return Subject(model, path, hashlib.sha256(blob).hexdigest(), card)


def find(trained: Path, row: str, variant: Variant, seed: int, model: str, dataset: str) -> Subject:
    """The model of a row and seed in a folder that ``python -m benchmarks.defences`` filled.

    Raises:
        ValueError: it is not there, or its card is of another training.
    """
    path = trained / row / f"seed-{seed}" / f"{model}.safetensors"
    if not path.is_file():
        raise ValueError(
            f"there is no trained {variant.title} of seed {seed}: wanted {path}; "
            "`python -m benchmarks.defences --out DIR` trains all"
        )
    found = read(path, model)
    wanted = {"defense": variant.defense, "dataset": dataset, "seed": seed, **variant.changes}
    seen = {key: found.spec.get(key) for key in wanted}
    if seen != wanted:
        raise ValueError(f"{path} must be of a training with {wanted}, its card says {seen}")
    return found
