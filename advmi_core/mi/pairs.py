"""Which samples are paired: K joint pairs (a_k, b_k) against marginal pairs (a_i, b_j), i ≠ j.

A critic scores branch outputs a and b, (B,O,K), by T_ij = w · ReLU(a_i + b_j). No marginal pair is ever a
joint one: a shuffle with fixed points would leak joint pairs into the marginal.
"""

from __future__ import annotations

import torch
from torch import Tensor

from advmi_core.rng import RowStreams

PAIRS = ("auto", "all", "permutation", "shifts")
ALL_PAIRS_UP_TO = 64
SHIFTS = 8


def resolve(pairs: str, samples: int) -> str:
    """``auto`` is all pairs up to K=64 and eight random cyclic shifts above."""
    if pairs != "auto":
        return pairs
    return "all" if samples <= ALL_PAIRS_UP_TO else "shifts"


def draw_partners(streams: RowStreams, k: int, kind: str) -> Tensor:
    """(B,K,M) index of the b-side of each sample's M marginal pairs, never the sample itself."""
    if kind == "permutation":
        order = streams.permutation(k)
        # Each sample meets its successor in a random cyclic order, so nothing meets itself.
        return torch.empty_like(order).scatter_(1, order, order.roll(-1, 1)).unsqueeze(2)
    here = torch.arange(k, device=streams.device).view(1, k, 1)
    return (here + streams.integers(1, k, min(SHIFTS, k - 1)).unsqueeze(1)) % k


class Head:
    """Scores of the pairs and the way back: T = w · ReLU(a + b), kept for one forward and one backward."""

    def __init__(self, a: Tensor, b: Tensor, weight: Tensor, partner: Tensor | None) -> None:
        """``a``, ``b`` (B,O,K), ``weight`` (B,O), ``partner`` (B,K,M), or None for all pairs."""
        self.weight = weight
        self.partner = partner
        if partner is None:
            self.hidden = torch.relu(a.unsqueeze(3) + b.unsqueeze(2))
        else:
            pairs = torch.cat([b.unsqueeze(3), _gather(b, partner)], dim=3)
            self.hidden = torch.relu(a.unsqueeze(3) + pairs)

    def scores(self) -> tuple[Tensor, Tensor]:
        """Joint scores (B,K) and marginal scores (B,K,M)."""
        rows, _, k, m = self.hidden.shape
        scores = torch.bmm(self.weight.unsqueeze(1), self.hidden.flatten(2)).view(rows, k, m)
        if self.partner is not None:
            return scores[:, :, 0], scores[:, :, 1:]
        return split_pairs(scores)

    def backward(self, d_joint: Tensor, d_marginal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of a (B,O,K), b (B,O,K) and the weight (B,O), given those of the scores."""
        rows, outputs, k, m = self.hidden.shape
        if self.partner is None:
            d_scores = join_pairs(d_joint, d_marginal)
        else:
            d_scores = torch.cat([d_joint.unsqueeze(2), d_marginal], dim=2)
        flat = d_scores.view(rows, 1, k * m)
        # Row times matrix: as matrix times column its sums would depend on the number of batch mates.
        d_weight = torch.bmm(flat, self.hidden.flatten(2).transpose(1, 2)).squeeze(1)
        d_hidden = torch.bmm(self.weight.unsqueeze(2), flat).view(rows, outputs, k, m)
        d_hidden.mul_(self.hidden > 0)
        return d_hidden.sum(3), self._to_b(d_hidden), d_weight

    def _to_b(self, d_hidden: Tensor) -> Tensor:
        if self.partner is None:
            return d_hidden.sum(2)
        d_b = d_hidden[..., 0].clone()
        rows, outputs, _ = d_b.shape
        index = self.partner.reshape(rows, 1, -1).expand(-1, outputs, -1)
        return d_b.scatter_add_(2, index, d_hidden[..., 1:].reshape(rows, outputs, -1))


def split_pairs(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Joint (B,K) and marginal (B,K,K−1) of all pairs' contiguous scores (B,K,K)."""
    rows, k, _ = scores.shape
    return scores.diagonal(dim1=1, dim2=2), _off_diagonal(scores).reshape(rows, k, k - 1)


def join_pairs(joint: Tensor, marginal: Tensor) -> Tensor:
    """(B,K,K) from joint (B,K) and marginal (B,K,K−1): the way back of ``split_pairs``."""
    rows, k = joint.shape
    square = joint.new_empty(rows, k, k)
    _off_diagonal(square).copy_(marginal.reshape(rows, k - 1, k))
    square.diagonal(dim1=1, dim2=2).copy_(joint)
    return square


def _gather(b: Tensor, partner: Tensor) -> Tensor:
    """(B,O,K,M): b at each sample's partners."""
    rows, k, m = partner.shape
    index = partner.reshape(rows, 1, k * m).expand(-1, b.shape[1], -1)
    return b.gather(2, index).view(rows, -1, k, m)


def _off_diagonal(square: Tensor) -> Tensor:
    """A (B,K−1,K) view of the off-diagonal entries of contiguous (B,K,K), in row order.

    Dropping the first entry puts every diagonal one at the end of a line of length K+1.
    """
    rows, k, _ = square.shape
    return square.view(rows, k * k)[:, 1:].view(rows, k - 1, k + 1)[:, :, :-1]
