"""Metrics of a model on a set of images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from advmi_core.memory import in_parts
from advmi_core.models.base import Classifier, Network
from advmi_core.models.networks.simclr import SimCLR, pair_loss

BATCH = 500
_USUAL = 3 * 64 * 64  # values of an image


def main_metric(network: Network) -> str:
    """What chooses between epochs: ``accuracy`` (higher is better), ``nt_xent`` or ``mse`` (lower is)."""
    if isinstance(network, Classifier):
        return "accuracy"
    return "nt_xent" if isinstance(network, SimCLR) else "mse"


def better(metric: str, new: float, old: float) -> bool:
    """Whether ``new`` beats ``old``."""
    return new > old if metric == "accuracy" else new < old


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, the former mode afterwards: normalisations must not learn these images."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def at_once(x: Tensor) -> int:
    """Images (N,C,H,W) that a network is asked about at once: ``BATCH`` up to 3×64×64, fewer larger ones."""
    return max(1, min(BATCH, BATCH * _USUAL // max(1, x[0].numel())))


def measure(network: Network, x: Tensor, y: Tensor) -> dict[str, float]:
    """Measure a network on images x (N,C,H,W) in [0,1] with labels y (N,) int64.

    Returns:
        For a classifier ``accuracy`` in [0,1] and ``cross_entropy`` in nats; for an autoencoder ``mse``,
        the squared error per pixel; for a contrastive encoder ``nt_xent`` in nats, the mean loss of batches
        of 500 with views that are the same at every call.
    """
    device = next(network.parameters()).device
    with evaluating(network), torch.no_grad():
        if isinstance(network, Classifier):
            logits = torch.cat(
                in_parts(lambda rows: network(x[rows].to(device)).cpu(), len(x), at_once(x), device)
            )
            hits = (logits.argmax(1) == y.cpu()).double().mean()
            entropy = functional.cross_entropy(logits.double(), y.cpu())
            return {"accuracy": float(hits), "cross_entropy": float(entropy)}
        if isinstance(network, SimCLR):
            generator = torch.Generator().manual_seed(0)
            losses = [
                float(pair_loss(network, part, part, generator)) * len(part) for part in _parts(x, device)
            ]
            return {"nt_xent": sum(losses) / len(x)}

        def error(rows: slice) -> float:
            part = x[rows].to(device)
            return float(functional.mse_loss(network(part), part, reduction="sum"))

        errors = in_parts(error, len(x), at_once(x), device)
    return {"mse": sum(errors) / x.numel()}


def _parts(x: Tensor, device: torch.device) -> Iterator[Tensor]:
    return (part.to(device) for part in torch.split(x, BATCH))
