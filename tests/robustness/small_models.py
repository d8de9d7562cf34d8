"""Small classifiers, and how they are laid out as the trainings of the defences leave them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from advmi_core import data
from advmi_core.models import Network, build, checkpoints

ROWS = ("standard", "wmim")
EPS = 0.02


def learn(seed: int, steps: int) -> Network:
    """A cnn after some gradient steps on embedded images."""
    images = data.load("fashion-mnist", "train").first(32 * steps)
    network = build("cnn", seed=seed)
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for x, y in zip(images.x.split(32), images.y.split(32), strict=True):
        optimizer.zero_grad()
        torch.autograd.backward(functional.cross_entropy(network(x), y))
        optimizer.step()
    return network


def shaken(network: Network, seed: int) -> Network:
    """Another network, somewhat worse: a copy with noise on its weights."""
    other, generator = copy.deepcopy(network), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in other.parameters():
            weight += 0.2 * weight.std() * torch.randn(weight.shape, generator=generator)
    return other


def put(network: Network, folder: Path, row: str, seed: int, **changes: Any) -> Path:
    """Save it as the model of a row and seed."""
    spec = {"defense": row, "dataset": "fashion-mnist", "seed": seed, "eps": EPS, "norm": "linf", **changes}
    card = {"metrics": {"split": "test", "accuracy": 0.0}, "spec": spec}
    return checkpoints.save(network, card, folder / row / f"seed-{seed}")
