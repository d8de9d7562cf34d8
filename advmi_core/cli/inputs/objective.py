"""What the command ``advmi attack`` attacks: objective and images, and the answers before and after."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from advmi_core import data, models
from advmi_core.attacks import AttackResult
from advmi_core.models.metrics import at_once
from advmi_core.objectives import Classification, Objective, Reconstruction

_MORE = 4  # times as many pictures of one's own as are to be attacked: a model is not right on all of them


def objective_of(
    network: models.Network, dataset: str, split: str, n: int
) -> tuple[Objective, Tensor, dict[str, Any]]:
    """A classifier is attacked on the first ``n`` images it gets right, an autoencoder on the first ``n``.

    The facts say how many images were asked for, how many there are, and of how many of these the model was
    found to be right (None for an autoencoder) before there were enough.
    """
    # Whole photographs take a while to be read: four times as many as wanted are usually enough.
    limit = None if dataset in data.NAMES else _MORE * n
    images = data.load(dataset, split=split, shape=network.in_shape, limit=limit)
    notes = list(images.notes)
    taken: dict[str, Any] = {"asked": n, "available": len(images), "looked_at": min(n, len(images))}
    taken |= {"right": None, "notes": notes}
    if isinstance(network, models.Autoencoder):
        return Reconstruction(network), images.x[:n], taken
    right: list[int] = []
    labels: list[Tensor] = []
    looked_at, size = 0, at_once(images.x)
    for start in range(0, len(images), size):
        part = images.take(range(start, min(start + size, len(images))))
        y, note = models.labels_for(network, part)
        labels.append(y)
        notes += [note] * (bool(note) and note not in notes)
        hits = _answers(network, part.x) == y
        right += (hits.nonzero().flatten() + start).tolist()
        looked_at += len(hits)
        if len(right) >= n:
            break
    if not right:
        raise ValueError(f"{network.name} gets none of the {looked_at} images of {dataset} ({split}) right")
    x, y = images.x[right[:n]], torch.cat(labels)[right[:n]]
    return Classification(network, y), x, taken | {"looked_at": looked_at, "right": len(right)}


def answers(network: models.Network, result: AttackResult) -> dict[str, Any]:
    """The names of what a classifier with named classes says before and after; nothing of any other model."""
    if not network.class_names:
        return {}
    return {
        key: [network.class_names[label] for label in _answers(network, images).tolist()]
        for key, images in (("classes_before", result.x), ("classes_after", result.x_adv))
    }


def _answers(network: models.Network, x: Tensor) -> Tensor:
    """(N,) the class that the network names for each image."""
    place = next(iter(network.parameters()), x).device

    def answer(rows: slice) -> Tensor:
        logits: Tensor = network(x[rows].to(place))
        return logits.argmax(1).cpu()

    with torch.no_grad():
        return torch.cat([answer(slice(start, start + at_once(x))) for start in range(0, len(x), at_once(x))])


def too_few(facts: dict[str, Any]) -> list[str]:
    """One sentence where fewer images were attacked than were asked for."""
    if facts["images"] >= facts["asked"]:
        return []
    there = f"Asked for {facts['asked']} images; {facts['dataset']} has {facts['available']} here"
    if facts["right"] is None:
        return [f"{there}, and all of them were attacked."]
    return [f"{there}, {facts['model']} gets {facts['right']} of them right, and these were attacked."]
