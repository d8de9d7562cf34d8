"""A model looked over before it is attacked: what it returns, has it gradients, what is odd about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from advmi_core.attacks.core.gradients import mended
from advmi_core.data import ImageSet
from advmi_core.models import Autoencoder, Classifier, Network, labels_for, measure
from advmi_core.models.wrapped import WrappedClassifier
from advmi_core.objectives import Classification, Objective, Reconstruction

MOST = 32
"""Images that are looked at."""
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_NORMALISATIONS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225": (_MEAN, _STD),
    "--mean 0.5 --std 0.5": ((0.5,), (0.5,)),
    "--mean 0 --std 1/255": ((0.0,), (1 / 255,)),
}
_BETTER, _SURER = 0.2, 0.25  # shares by which another normalisation is right more often, or surer


@dataclass(frozen=True)
class Checkup:
    """What was found.

    Attributes:
        facts: JSON-serialisable numbers: kind, shape, classes, range of the output, gradients, metrics.
        trouble: sentences for people; empty where nothing is odd.
    """

    facts: dict[str, Any]
    trouble: tuple[str, ...]


def check_model(network: Network, images: ImageSet | None = None) -> Checkup:
    """Look over a model on images of its shape, random ones where none are given.

    Raises:
        ValueError: it cannot be attacked at all: it refuses its images, has no gradient, or returns something
            else than logits or images.
    """
    given = images is not None
    images = images or _random(network)
    images = images.take(range(min(MOST, len(images))))
    y, note = labels_for(network, images)
    rebuilds = isinstance(network, Autoencoder)
    objective: Objective = Reconstruction(network) if rebuilds else Classification(network, y)
    problem = objective.on(images.x)
    problem.check_differentiable()
    x = problem.x.detach().requires_grad_()
    with torch.enable_grad():
        seen = problem.evaluate(x)
        (slope,) = torch.autograd.grad(seen.criterion.sum(), x)
    lost = int(mended(slope, problem.x, torch.zeros_like(seen.clear)).lost.sum())
    facts: dict[str, Any] = {
        "model": network.name,
        "kind": "autoencoder" if rebuilds else "classifier",
        "shape": list(network.in_shape),
        "classes": network.classes if isinstance(network, Classifier) else 0,
        "named": bool(network.class_names),
        "sha256": network.card.get("sha256", ""),
        "parameters": sum(weight.numel() for weight in network.parameters()),
        "output": [float(problem.clean.min()), float(problem.clean.max())],
        "images": len(images),
        "without_gradient": lost,
        "metrics": measure(network, images.x, y) if given and not note else {},
    }
    said = [*problem.warnings, *_of_output(network, problem.clean)]
    if lost:
        said.append(
            f"The gradient of {lost} of {len(images)} images is exactly zero or not finite: the model "
            "saturates, or rounds or cuts off what it computes."
        )
    if given:
        said += [note] * bool(note) + _normalisation(network, images.x, None if note else y)
    return Checkup(facts, tuple(said))


def _random(network: Network) -> ImageSet:
    x = torch.rand(8, *network.in_shape, generator=torch.Generator().manual_seed(0))
    return ImageSet(x, torch.zeros(len(x), dtype=torch.int64), ("unlabelled",), "random images", "test", "")


def _of_output(network: Network, clean: Tensor) -> list[str]:
    if not bool(torch.isfinite(clean).all()):
        return ["The model's output holds NaN or infinite values on clean images."]
    if isinstance(network, Autoencoder) and (float(clean.min()) < -0.1 or float(clean.max()) > 1.1):
        return [
            "The reconstructions leave [0,1]: give back images as they come in, not normalised ones, for "
            "instance by a sigmoid at the end."
        ]
    return []


def _normalisation(network: Network, x: Tensor, y: Tensor | None) -> list[str]:
    """A sentence where the model does far better behind a normalisation that it does not have."""
    if not isinstance(network, WrappedClassifier):
        return []
    device = network.mean.device
    with torch.no_grad():
        right, sure = _seen(network(x.to(device)), y)
    best, found = (right, sure), ""
    for options, (mean, std) in _NORMALISATIONS.items():
        if len(mean) not in (1, network.in_shape[0]):
            continue
        centre, scale = (torch.tensor(values, device=device).view(1, -1, 1, 1) for values in (mean, std))
        with torch.no_grad():
            seen = _seen(network.inner((x.to(device) - centre) / scale), y)
        if seen > best:
            best, found = seen, options
    by_labels = y is not None and best[0] > right + _BETTER
    if not found or not (by_labels or (y is None and best[1] > sure + _SURER)):
        return []
    what = (
        f"right on {100 * best[0]:.0f} % of the images instead of {100 * right:.0f} %"
        if by_labels
        else f"{100 * best[1]:.0f} % sure instead of {100 * sure:.0f} %"
    )
    return [
        f"The normalisation looks wrong: with {found} the model is {what}. Images come in [0,1]; the "
        "model, or these options, must bring them to what it was trained on."
    ]


def _seen(logits: Tensor, y: Tensor | None) -> tuple[float, float]:
    """Share of right answers (0 where nobody knows them) and mean confidence."""
    shares = logits.detach().float().softmax(1)
    right = 0.0 if y is None else float((shares.argmax(1) == y.to(shares.device)).float().mean())
    return right, float(shares.amax(1).mean())
