"""A model under one attack, seen through the estimators: MI of every test image."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from advmi_core.attacks import FWA, PGD, Attack, AutoAttack
from advmi_core.attacks.fwa import NAMID_STEP
from advmi_core.data import ImageSet
from advmi_core.defenses.estimator_spec import STAGES, Estimated
from advmi_core.memory import in_parts
from advmi_core.mi.local.estimators import InformationSplit
from advmi_core.models import Network
from advmi_core.studies.defence.records import Measured

SHORT: dict[str, Any] = {"steps": 10, "targets": 2, "queries": 100}
"""AutoAttack as a lesson runs it; published: 100 steps, 9 targets, 5000 queries."""


_AT_ONCE = 256  # images that the network sees at once


def attacks(eps: float, seed: int) -> dict[str, Attack]:
    """Label → attack, as in the paper's radar chart [NAMID, fig. 3].

    PGD ascends the cross entropy by steps of ε/4. It and FWA look at x̃ before they move it, so ``steps`` is
    one more than the label's moves. FWA's ε is another unit: the mean distance in pixels that brightness may
    move; it gets the same number. AutoAttack is ``SHORT``.
    """
    given: dict[str, Any] = {"eps": eps, "seed": seed, "mi_steps": 0}
    return {
        "PGD-10": PGD(steps=11, loss="ce", **given),
        "PGD-40": PGD(steps=41, loss="ce", **given),
        "FWA-10": FWA(steps=11, step_size=NAMID_STEP, **given),
        "FWA-40": FWA(steps=41, step_size=NAMID_STEP, **given),
        "AA": AutoAttack(**SHORT, **given),
    }


@torch.no_grad()
def measure(network: Network, estimated: Estimated, test: ImageSet, x_adv: Tensor) -> Measured:
    """What the estimators say of n test images and of x̃ (n,C,H,W), on the CPU; all others are negatives.

    Network and estimators lie on one device.
    """
    device = next(network.parameters()).device
    x, y, x_adv = (tensor.to(device) for tensor in (test.x, test.y, x_adv))
    clean, attacked = (
        torch.cat(in_parts(partial(_outputs, network, images), len(images), _AT_ONCE, device))
        for images in (x, x_adv)
    )
    first, optimised = (
        InformationSplit(*(value.cpu() for value in vars(stage.split(x, x_adv, clean, attacked)).values()))
        for stage in (estimated.first, estimated.optimised)
    )
    return Measured(
        (clean.argmax(1) == y).cpu(),
        (attacked.argmax(1) == y).cpu(),
        estimated.first.standard_of(x, clean).cpu(),
        estimated.first.standard_of(x_adv, attacked).cpu(),
        first,
        optimised,
    )


def _outputs(network: Network, images: Tensor, rows: slice) -> Tensor:
    logits: Tensor = network(images[rows])
    return logits


def to_arrays(measured: Measured) -> dict[str, Tensor]:
    """Name → (n,), for a file."""
    flat = {name: value for name, value in vars(measured).items() if isinstance(value, Tensor)}
    for stage in STAGES:
        flat |= {f"{stage}/{name}": value for name, value in vars(getattr(measured, stage)).items()}
    return flat


def from_arrays(arrays: dict[str, Tensor]) -> Measured:
    """What ``to_arrays`` gave.

    Raises:
        TypeError: names are missing, or there are others.
    """
    splits: dict[str, Any] = {}
    for stage in STAGES:
        mine = {name.partition("/")[2]: v for name, v in arrays.items() if name.startswith(f"{stage}/")}
        splits[stage] = InformationSplit(**mine)
    flat: dict[str, Any] = {name: value for name, value in arrays.items() if "/" not in name}
    return Measured(**flat, **splits)
