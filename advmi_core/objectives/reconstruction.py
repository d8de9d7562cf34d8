"""Reconstruction: x̃ is rebuilt to x at least as well as x itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from advmi_core.objectives.base import Objective

RELATIVE_TIE = 1e-6  # an iterate this close to f = 0 may change sides with other batch mates


class Reconstruction(Objective):
    """Unsupervised attack on an autoencoder Φ: f = ‖x − Φ(x̃)‖² − ‖x − Φ(x)‖² + κ [UAE, eq. 3].

    Norms are sums over the pixels of an image. ``success`` is f ≤ 0: x̃ reconstructs to x at least as well as
    x does.

    Args:
        model: images (B,C,H,W) → reconstructions of the same shape.
        kappa: margin κ ≥ 0, squared error.
    """

    mi_sign = -1

    def _check(self, x: Tensor, output: Tensor) -> None:
        if output.shape[1:] != x.shape[1:]:
            raise ValueError(
                f"model must reconstruct images of shape {tuple(x.shape[1:])}, got {tuple(output.shape[1:])}"
            )

    def _reference(self, x: Tensor, clean: Tensor) -> Tensor:
        return (x - clean).square().flatten(1).sum(1)

    def judge(self, x: Tensor, output: Tensor, reference: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        difference = (x - output).square().flatten(1).sum(1) - reference
        criterion = difference + self.kappa
        success = criterion <= -RELATIVE_TIE * reference
        return criterion, success, criterion <= -10 * RELATIVE_TIE * reference

    def loss(self, output: Tensor, reference: Tensor) -> Tensor:
        raise ValueError('loss="ce" needs a Classification objective, got Reconstruction; use loss="margin"')

    def correct(self, clean: Tensor, reference: Tensor) -> Tensor:
        return torch.ones_like(reference, dtype=torch.bool)

    def scale(self, reference: Tensor) -> Tensor:
        return reference

    def spec(self) -> dict[str, Any]:
        return {"objective": "reconstruction", "model": self.name, "kappa": self.kappa}
