"""Held-out values of critics that claim too much: the scores shrunk by a temperature found on other pairs.

A critic that has learnt few samples by heart is sure of itself on new ones and wrong: its bound falls far
below the mutual information, below 0 as well. For any β the critic β·T gives a lower bound too, and β = 0
gives exactly 0. As for classifiers [Guo et al. 2017, "On Calibration of Modern Neural Networks"], β is chosen
on held-out pairs, and cross-fitted, so that no pair has a say in the β that it is scored with: the value
stays a lower bound up to sampling noise.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from advmi_core.mi.bounds import Bound, MovingAverage

_ANCHORS = 64  # joint pairs of a critic that choose a β
_CAUTION = 1.0  # standard errors of the slope
_HALVINGS = 10  # of the interval [0,1]


def tempered_value(bound: Bound, joint: Tensor, marginal: Tensor) -> Tensor:
    """The bound of critics with their scores shrunk to β·T, 0 ≤ β ≤ 1.

    The pairs are dealt into two halves; the β that is best for one of them, over all folds together, is used
    on the other. A critic that is no surer of itself than it may be keeps β = 1, hence the bound's own value.

    Args:
        bound: see ``BOUNDS``.
        joint: (F,B,K) scores of B rows' critics, one for each of F folds, on K ≥ 2 held-out joint pairs.
        marginal: (F,B,K,M) their scores on the marginal pairs of each joint pair.

    Returns:
        (F,B) nats.
    """
    folds, rows, k = joint.shape
    total = torch.zeros_like(joint[..., 0])
    for half in (0, 1):
        use, other = slice(half, None, 2), slice(1 - half, 2 * _ANCHORS, 2)
        beta = _best_scale(bound, joint[:, :, other], marginal[:, :, other]).expand(folds, -1).flatten()
        scores = (joint[:, :, use].flatten(0, 1), marginal[:, :, use].flatten(0, 1))
        total += scores[0].shape[1] * bound.value(*_scaled(bound, *scores, beta)).view(folds, rows)
    return total / k


def _best_scale(bound: Bound, joint: Tensor, marginal: Tensor) -> Tensor:
    """(B,) the β in [0,1] up to which the bound, concave in β, surely rises; the folds' pairs together."""
    folds, rows = joint.shape[:2]
    flat = joint.flatten(0, 1), marginal.flatten(0, 1)

    def rises(beta: Tensor) -> Tensor:
        scaled = _scaled(bound, *flat, beta.expand(folds, -1).flatten())
        of_joint, of_marginal = bound.gradient(*scaled, MovingAverage())
        slopes = of_joint * (flat[0] - bound.neutral)
        slopes = slopes + torch.linalg.vecdot(of_marginal, flat[1] - bound.neutral)
        of_pairs = slopes.view(folds, rows, -1).transpose(0, 1).flatten(1)
        error = of_pairs.std(1, correction=0) / math.sqrt(of_pairs.shape[1])
        risen: Tensor = of_pairs.mean(1) > _CAUTION * error
        return risen

    low = joint.new_zeros(rows)
    high = torch.ones_like(low)
    low = torch.where(rises(high), high, low)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rising = rises(middle)
        low, high = torch.where(rising, middle, low), torch.where(rising, high, middle)
    return low


def _scaled(bound: Bound, joint: Tensor, marginal: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (B,K) and (B,K,M) shrunk towards the neutral one by their row's β (B,)."""
    neutral = joint.new_full((), bound.neutral)
    return torch.lerp(neutral, joint, beta[:, None]), torch.lerp(neutral, marginal, beta[:, None, None])
