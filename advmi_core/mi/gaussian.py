"""Mutual information in closed form, as if the samples were jointly Gaussian."""

from __future__ import annotations

import torch
from torch import Tensor

RIDGE = 0.01


def gaussian_mi(a: Tensor, b: Tensor, ridge: float = RIDGE) -> Tensor:
    """½ log(|Σ_a||Σ_b| / |Σ_ab|) of B sets of N sample pairs; deterministic and differentiable.

    The ridge is the variance of a measurement noise added to every coordinate, so that identical samples
    have finite MI and constant ones have none. Dependence beyond correlation is not seen.

    Args:
        a: (B,N,da) samples, N ≥ 2.
        b: (B,N,db) their partners.
        ridge: > 0, in squared units of the samples (pixels lie in [0,1]).

    Returns:
        (B,) nats, ≥ 0 up to rounding.
    """
    both = torch.cat([a, b], dim=2)
    centred = both - both.mean(1, keepdim=True)
    covariance = torch.bmm(centred.transpose(1, 2), centred) / a.shape[1]
    covariance = covariance + ridge * torch.eye(both.shape[2], device=both.device)
    width = a.shape[2]
    blocks = (covariance[:, :width, :width], covariance[:, width:, width:], covariance)
    of_a, of_b, of_both = (_half_log_det(block) for block in blocks)
    return of_a + of_b - of_both


def _half_log_det(matrices: Tensor) -> Tensor:
    """(B,) ½ log|Σ| of positive definite (B,d,d)."""
    # The ridge makes them positive definite; ``cholesky`` would ask the device whether they are, and wait.
    diagonal: Tensor = torch.linalg.cholesky_ex(matrices).L.diagonal(dim1=1, dim2=2)
    return diagonal.log().sum(1)
