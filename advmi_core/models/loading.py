"""Load a model by its name, whoever wrote it; and the list of those that are here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from advmi_core import device as devices
from advmi_core.data import CATALOG
from advmi_core.models import checkpoints, own, zoo
from advmi_core.models.base import Autoencoder, Classifier, Network, Shape
from advmi_core.models.registry import MODELS
from advmi_core.validate import check_choice


def load(
    name: str, dataset: str = "fashion-mnist", device: str = "cpu", weights: Path | str | None = None
) -> Network:
    """A trained model: a fresh instance, in evaluation mode, without parameter gradients.

    Args:
        name: a key of ``MODELS``, also as MODEL@DATASET; ``efficientnet-lite0``; ``timm:NAME`` or
            ``torchvision:NAME`` of a model that ``advmi models get`` fetched; the name of a registered model
            of one's own (``models.own``), or of an entry point ``advmi.models``.
        dataset: for ``MODELS``: the data set it was trained on; picks the folder under assets/weights.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        weights: for ``MODELS``: a .safetensors file with its card beside it, instead of the shipped one.

    Returns:
        The network, with ``card``, ``name`` and ``in_shape`` filled, and ``class_names`` where known.

    Raises:
        ValueError: an unknown model or device, or one's own model cannot be built.
        CheckpointError: no such weights, or they are damaged or do not belong to their card.
    """
    target = devices.pick(device)
    network = None if name.partition("@")[0] in MODELS else zoo.load(name) or own.load(name)
    return (network or _trained(name, dataset, weights)).to(target).freeze()


def _trained(name: str, dataset: str, weights: Path | str | None) -> Network:
    check_name(name)
    name, _, trained_on = name.partition("@")
    network = checkpoints.load(name, trained_on or dataset, weights=weights)
    if isinstance(network, Classifier):
        facts = network.card.get("dataset")
        known = CATALOG.get(facts.get("name", "")) if isinstance(facts, dict) else None
        names = known.classes if known else ()
        network.class_names = names if len(names) == network.classes else ()
    return network


def check_name(name: str) -> None:
    """``name`` must be one that a model can have; whether it is here, ``load`` finds out.

    Raises:
        ValueError: it is none; the message lists the known ones.
    """
    model, at, _ = name.partition("@")
    if model in MODELS or name.startswith((own.PREFIX, *zoo.PREFIXES)) or name in own.entry_points():
        return
    known = (*MODELS, *zoo.EMBEDDED, *own.registered(), *own.entry_points())
    check_choice(model if at else name, "model", known)


@dataclass(frozen=True)
class ModelChoice:
    """A model that is here.

    Attributes:
        name: as ``load`` takes it.
        title: for people.
        kind: "classifier", "autoencoder", or "encoder" (contrastive).
        shape: (C,H,W) of its images.
        classes: number of logits, 0 if it is no classifier.
        dataset: whose pictures it was trained on, "" where nobody said.
    """

    name: str
    title: str
    kind: str
    shape: Shape
    classes: int
    dataset: str


def choices() -> list[ModelChoice]:
    """Every model that ``load`` finds here: one's own first, then the shipped ones, then the fetched ones.

    What cannot be built is left out; ``load`` says why.
    """
    noted = os.environ.get(own.VARIABLE, "")
    mine = [_own_choice(name, noted) for name in (*own.registered(), *own.entry_points())]
    return [one for one in mine if one] + _shipped() + [_of_card(card) for card in zoo.cards()]


@lru_cache(maxsize=64)
def _own_choice(name: str, noted: str) -> ModelChoice | None:
    """``noted`` is part of the key: to build a model only to describe it can take a while."""
    try:
        network = own.load(name)
    except ValueError:
        return None
    if network is None:
        return None
    registered = own.registered().get(name)
    return _of(network, registered.title if registered else f"{name} (your own)")


def _of(network: Network, title: str) -> ModelChoice:
    kind = "autoencoder" if isinstance(network, Autoencoder) else "classifier"
    classes = network.classes if isinstance(network, Classifier) else 0
    return ModelChoice(network.name, title, kind, network.in_shape, classes, "")


def _shipped() -> list[ModelChoice]:
    found = []
    order, here = list(CATALOG), checkpoints.available()
    for dataset, names in sorted(here.items(), key=lambda item: order.index(item[0])):
        for name in names:
            card = checkpoints.card_of(checkpoints.shipped(name, dataset))
            kind = (
                "autoencoder" if name.startswith("ae-") else "encoder" if name == "simclr" else "classifier"
            )
            channels, height, width = card["shape"]
            title = f"{name} ({CATALOG[dataset].title if dataset in CATALOG else dataset})"
            found.append(
                ModelChoice(
                    f"{name}@{dataset}", title, kind, (channels, height, width), card["classes"], dataset
                )
            )
    return found


def _of_card(card: dict[str, Any]) -> ModelChoice:
    channels, height, width = card["shape"]
    shape = channels, height, width
    return ModelChoice(
        card["model"], card["title"], "classifier", shape, card["classes"], card["dataset"]["name"]
    )
