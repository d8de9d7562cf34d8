"""How good a model is on a set of images."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from advmi_core.models.base import Classifier, Network

BATCH = 500


def main_metric(network: Network) -> str:
    """The metric that chooses between epochs: ``accuracy`` (higher is better) or ``mse`` (lower is)."""
    return "accuracy" if isinstance(network, Classifier) else "mse"


def better(metric: str, new: float, old: float) -> bool:
    """Whether ``new`` beats ``old``."""
    return new > old if metric == "accuracy" else new < old


def measure(network: Network, x: Tensor, y: Tensor) -> dict[str, float]:
    """Measure a network on images x (N,C,H,W) in [0,1] with labels y (N,) int64.

    Returns:
        For a classifier ``accuracy`` in [0,1] and ``cross_entropy`` in nats; for an autoencoder ``mse``,
        the squared error per pixel.
    """
    device = next(network.parameters()).device
    with torch.no_grad():
        if isinstance(network, Classifier):
            logits = torch.cat([network(part).cpu() for part in _parts(x, device)])
            hits = (logits.argmax(1) == y.cpu()).double().mean()
            entropy = functional.cross_entropy(logits.double(), y.cpu())
            return {"accuracy": float(hits), "cross_entropy": float(entropy)}
        errors = [
            float(functional.mse_loss(network(part), part, reduction="sum")) for part in _parts(x, device)
        ]
    return {"mse": sum(errors) / x.numel()}


def _parts(x: Tensor, device: torch.device) -> Iterator[Tensor]:
    return (part.to(device) for part in torch.split(x, BATCH))
