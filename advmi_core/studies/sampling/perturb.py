"""The perturbed twins whose mutual information with the originals a study measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from advmi_core.attacks import PGD
from advmi_core.objectives import Objective
from advmi_core.rng import RowStreams

PERTURBATIONS = {"noise": "Uniform noise", "pgd": "PGD attack"}
_PGD_STEPS = 40
_NOISE = 20  # purpose of the random streams


def perturb(
    objective: Objective, x: Tensor, *, kind: str, eps: float, seed: int, rows: Sequence[int]
) -> Tensor:
    """(B,C,H,W) in [0,1], no pixel further than ε from ``x``; a row does not depend on its batch mates.

    Args:
        objective: what PGD attacks; noise does not look at it.
        x: (B,C,H,W) float32 in [0,1].
        kind: ``"noise"``: each pixel is moved by a uniform number of [−ε, ε) and clipped to the box;
            ``"pgd"``: 40 steps of PGD from a random start.
        eps: ε in [0,1].
        seed: of noise or start.
        rows: B row ids.
    """
    if kind == "pgd":
        return _pgd(eps, seed)(objective, x, rows=rows).x_adv
    noise = RowStreams(seed, rows, _NOISE, x.device).uniform(*x.shape[1:])
    return (x + noise.mul_(2).sub_(1).mul_(eps)).clamp_(0, 1)


def describe(kind: str, eps: float, seed: int) -> dict[str, Any]:
    """All parameters of the perturbation, JSON-serialisable."""
    return _pgd(eps, seed).spec() if kind == "pgd" else {"noise": "uniform", "eps": eps, "seed": seed}


def _pgd(eps: float, seed: int) -> PGD:
    return PGD(eps=eps, steps=_PGD_STEPS, seed=seed, mi_steps=0)
