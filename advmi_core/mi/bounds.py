"""Variational lower bounds on mutual information, one table for every estimator.

Each bound takes the critic's scores on K joint pairs, ``joint`` (B,K), and for each of them on M marginal
pairs, ``marginal`` (B,K,M), and returns (B,) nats. All exponentials go through logsumexp.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

SMILE_CLIP = 5.0
MINE_RATE = 0.01


def log_mean_exp(scores: Tensor) -> Tensor:
    """(B,) log of the mean of exp over all but the first axis."""
    flat = scores.flatten(1)
    return flat.logsumexp(1) - math.log(flat.shape[1])


def donsker_varadhan(joint: Tensor, marginal: Tensor) -> Tensor:
    """DV [Belghazi et al. 2018, eq. 5]: E T − log E exp T'. Unbounded: it overshoots with few samples."""
    return joint.mean(1) - log_mean_exp(marginal)


def nguyen_wainwright_jordan(joint: Tensor, marginal: Tensor) -> Tensor:
    """NWJ [Nguyen et al. 2010]: E T − e⁻¹ E exp T'."""
    return joint.mean(1) - (log_mean_exp(marginal) - 1).exp()


def info_nce(joint: Tensor, marginal: Tensor) -> Tensor:
    """InfoNCE [van den Oord et al. 2018]: each joint pair against its M marginal ones; ≤ log(M+1)."""
    candidates = torch.cat([joint.unsqueeze(2), marginal], dim=2)
    return (joint - candidates.logsumexp(2)).mean(1) + math.log(candidates.shape[2])


def smile(joint: Tensor, marginal: Tensor) -> Tensor:
    """SMILE [Song & Ermon 2020, eq. 14]: DV with the marginal scores clipped to ±5.

    As its authors do, the critic ascends the Jensen–Shannon bound and only the value is clipped: the clipped
    value itself has no upper limit that a critic could not climb over.
    """
    return joint.mean(1) - log_mean_exp(marginal.clamp(-SMILE_CLIP, SMILE_CLIP))


@dataclass
class MovingAverage:
    """Debiased exponential moving average of E exp T' per row, kept in log space [MINE, sec. 3.2]."""

    log_sum: Tensor | None = None
    updates: int = 0

    def update(self, log_mean: Tensor) -> Tensor:
        """Fold in this step's log E exp T' (B,) and return the log of the debiased average."""
        term = log_mean + math.log(MINE_RATE)
        if self.log_sum is None:
            self.log_sum = term
        else:
            self.log_sum = torch.logaddexp(self.log_sum + math.log1p(-MINE_RATE), term)
        self.updates += 1
        return self.log_sum - math.log(-math.expm1(self.updates * math.log1p(-MINE_RATE)))


Gradient = Callable[[Tensor, Tensor, MovingAverage], tuple[Tensor, Tensor]]


def _uniform(joint: Tensor) -> Tensor:
    """∂ mean(T) / ∂T, the joint part of every bound but InfoNCE."""
    return torch.full_like(joint, 1 / joint.shape[1])


def _softmax(scores: Tensor) -> Tensor:
    """Softmax over all marginal pairs of a row."""
    return scores.flatten(1).softmax(1).view_as(scores)


def _dv_gradient(joint: Tensor, marginal: Tensor, _: MovingAverage) -> tuple[Tensor, Tensor]:
    return _uniform(joint), -_softmax(marginal)


def _nwj_gradient(joint: Tensor, marginal: Tensor, _: MovingAverage) -> tuple[Tensor, Tensor]:
    return _uniform(joint), -(marginal - 1 - math.log(marginal[0].numel())).exp()


def _info_nce_gradient(joint: Tensor, marginal: Tensor, _: MovingAverage) -> tuple[Tensor, Tensor]:
    share = torch.cat([joint.unsqueeze(2), marginal], dim=2).softmax(2) / joint.shape[1]
    return _uniform(joint) - share[:, :, 0], -share[:, :, 1:]


def _smile_gradient(joint: Tensor, marginal: Tensor, _: MovingAverage) -> tuple[Tensor, Tensor]:
    """That of the Jensen–Shannon bound E[−softplus(−T)] − E[softplus(T')] [Nowozin et al. 2016, table 6]."""
    # Written out: torch.sigmoid rounds the last elements of a tensor in another way than the first ones.
    pairs = marginal[0].numel()
    return 1 / (1 + joint.exp()) / joint.shape[1], -1 / (1 + (-marginal).exp()) / pairs


def _mine_gradient(joint: Tensor, marginal: Tensor, average: MovingAverage) -> tuple[Tensor, Tensor]:
    """The denominator of DV's log term is the moving average instead of this step's mean."""
    log_average = average.update(log_mean_exp(marginal)).view(-1, 1, 1)
    return _uniform(joint), -(marginal - log_average - math.log(marginal[0].numel())).exp()


def _info_nce_of_square(scores: Tensor) -> Tensor:
    """InfoNCE's candidates are whole rows of the square, so nothing needs to be taken apart."""
    pull = scores.softmax(2).mul_(-1 / scores.shape[1])
    pull.diagonal(dim1=1, dim2=2).add_(1 / scores.shape[1])
    return pull


@dataclass(frozen=True)
class Bound:
    """A lower bound: what is reported, and the direction in which a critic is trained (and x̃ is moved).

    ``neutral`` is the constant score that says "independent": its value is 0. ``of_square`` is a shorter way
    to the gradient (B,K,K) of all pairs' scores (B,K,K), where there is one.
    """

    value: Callable[[Tensor, Tensor], Tensor]
    gradient: Gradient
    neutral: float = 0.0
    of_square: Callable[[Tensor], Tensor] | None = None


BOUNDS: dict[str, Bound] = {
    "dv": Bound(donsker_varadhan, _dv_gradient),
    "nwj": Bound(nguyen_wainwright_jordan, _nwj_gradient, neutral=1.0),
    "infonce": Bound(info_nce, _info_nce_gradient, of_square=_info_nce_of_square),
    "smile": Bound(smile, _smile_gradient),
    "mine": Bound(donsker_varadhan, _mine_gradient),
}
