"""Mutual information of an image, or of its noise, and the logits that a classifier gives it: local DIM.

One network for all images, a value per image [DIM: Hjelm et al. 2018, arXiv 1808.06670; NAMID: Zhou et al.
2022, arXiv 2207.12203, sec. 3.2]. The bound is Donsker and Varadhan's (DV), with the other images of the
batch as negatives.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from advmi_core.models.base import Network, Shape
from advmi_core.models.registry import initialise
from advmi_core.validate import check_choice, check_count

KINDS = ("natural", "adversarial", "standard")
"""What an estimator is trained for: I(X;h), I(N;h) with N = X̃ − X, I(X̃;h)."""
UNITS = 2048
SMALLEST = 10
"""Below this side length the two unpadded 4×4 convolutions leave no location."""


class LocalDIM(Network):
    """The estimator E(pattern, logits) → (B,) nats.

    The local encoder makes a feature map of the pattern (an image x, or a noise x̃ − x): unpadded convolutions
    4×4, stride 2, of 64 and 128 channels, each with BN and ReLU, then a block to ``units`` at every location.
    The global encoder takes the logits by such a block to ``units``. A score is their inner product.

    In training mode the local encoder's BN mixes the batch; a frozen estimator treats each pattern alone.

    Args:
        in_shape: (C,H,W) of the pattern, sides of at least 10.
        classes: number of logits.
        units: width of both codes (published: 2048).
        kind: one of ``KINDS``; part of its name.

    Raises:
        ValueError: too small a pattern, or an unknown kind.
    """

    def __init__(self, in_shape: Shape, classes: int, units: int = UNITS, kind: str = "natural") -> None:
        super().__init__(in_shape)
        channels, height, width = in_shape
        if min(height, width) < SMALLEST:
            raise ValueError(
                f"local-dim takes patterns of at least {SMALLEST}×{SMALLEST}, got {height}×{width}"
            )
        check_choice(kind, "kind", KINDS)
        check_count(units, "units")
        self.name = f"local-dim-{kind}"
        self.classes, self.units = classes, units
        self.map = nn.Sequential(
            nn.Conv2d(channels, 64, 4, 2, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.Conv2d(64, 128, 4, 2, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
        )
        self.local_block = Block(128, units)
        self.global_block = Block(classes, units)

    def forward(self, pattern: Tensor, logits: Tensor) -> Tensor:
        """(B,) nats of patterns (B,C,H,W) and logits (B,classes), each against the batch's other logits."""
        return local_dv(self.local(pattern), self.codes(logits))

    def local(self, pattern: Tensor) -> Tensor:
        """(B,C,H,W) → (B,L,units): the code of each of the map's L locations."""
        code: Tensor = self.local_block(self.map(pattern).flatten(2).transpose(1, 2))
        return code

    def codes(self, logits: Tensor) -> Tensor:
        """(N,classes) → (N,units)."""
        code: Tensor = self.global_block(logits)
        return code


class Block(nn.Module):
    """linear-ReLU-linear plus a linear shortcut, LayerNorm: the 1×1 convolutions of one location."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, units)
        self.out = nn.Linear(units, units)
        self.shortcut = nn.Linear(inputs, units, bias=False)
        self.norm = nn.LayerNorm(units)

    def forward(self, x: Tensor) -> Tensor:
        code: Tensor = self.norm(self.out(self.hidden(x).relu()) + self.shortcut(x))
        return code


def build_local_dim(
    in_shape: Shape, classes: int, *, units: int = UNITS, kind: str = "natural", seed: int = 0
) -> LocalDIM:
    """A fresh estimator; the global random state is neither read nor written.

    Its scores start with about unit variance: left to itself, the inner product of two normalised codes of
    2048 units would start at a standard deviation of 45.
    """
    check_count(seed, "seed", low=0)
    with torch.device("meta"):
        estimator = LocalDIM(in_shape, classes, units, kind)
    estimator.to_empty(device="cpu")
    initialise(estimator, torch.Generator().manual_seed(seed))
    for block in (estimator.local_block, estimator.global_block):
        nn.init.constant_(block.norm.weight, units**-0.25)
    return estimator


def local_dv(local: Tensor, codes: Tensor, rows: Tensor | None = None) -> Tensor:
    """The DV bound per image, averaged over the locations.

    I_j = mean_l [u_jj,l − (log Σ_{i≠j} exp u_ij,l − log(N−1))], u_ij,l = ⟨code of logits i, local code l of
    pattern j⟩: each location of a pattern is compared with its own logits and with those of all others.

    Args:
        local: (m,L,units) local codes of m patterns.
        codes: (N,units) codes of the logits of the whole batch, N ≥ m.
        rows: (m,) int64, which of the N logits belongs to each pattern; None if m = N in order.

    Returns:
        (m,) nats; 0 where there are no others (N = 1).
    """
    if len(codes) < 2:
        return local.new_zeros(len(local))
    scores = (local.flatten(0, 1) @ codes.T).view(*local.shape[:2], len(codes))
    if rows is None:
        rows = torch.arange(len(local), device=local.device)
    own = rows[:, None, None].expand(-1, local.shape[1], 1)
    joint = scores.gather(2, own).squeeze(2)
    others = scores.scatter(2, own, -math.inf).logsumexp(2) - math.log(len(codes) - 1)
    value: Tensor = (joint - others).mean(1)
    return value


def selected(clean: Tensor, attacked: Tensor, y: Tensor) -> Tensor:
    """(B,) bool: right on x and wrong on x̃ [NAMID, eq. 6], by the largest of the logits (B,classes)."""
    return (clean.argmax(1) == y) & (attacked.argmax(1) != y)
