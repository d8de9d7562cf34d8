"""A small contrastive encoder [SimCLR: Chen, Kornblith, Norouzi & Hinton 2020, arXiv 2002.05709].

Two random views of an image should have codes more alike than views of different images. No label is used.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from advmi_core.models.base import Network, Shape
from advmi_core.models.networks.classifiers import CENTRE

WIDTHS = (32, 64, 128)
EMBEDDING = 64
TEMPERATURE = 0.5
"""τ of the NT-Xent loss."""
SMALLEST = 8

SMALLEST_CROP = 0.3  # share of the image's area
CONTRAST, BRIGHTNESS = 0.4, 0.2  # largest change


class SimCLR(Network):
    """Three conv3×3 of stride 2 (32, 64, 128), ReLU, mean over positions; a head 128 → 128 ReLU → 64.

    Args:
        in_shape: (C,H,W) of the images, at least 8×8.

    Raises:
        ValueError: the images are smaller.
    """

    gain = 6**0.5  # He et al. 2015: keeps the signal's size through ReLU layers

    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)
        channels, height, width = in_shape
        if min(height, width) < SMALLEST:
            raise ValueError(f"simclr takes images of at least {SMALLEST}×{SMALLEST}, got {height}×{width}")
        first, second, third = WIDTHS
        self.trunk = nn.Sequential(
            nn.Conv2d(channels, first, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(second, third, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Linear(third, third), nn.ReLU(), nn.Linear(third, EMBEDDING))

    def represent(self, x: Tensor) -> Tensor:
        """(B,C,H,W) → (B,128): what other tasks use."""
        maps: Tensor = self.trunk(x - CENTRE)
        return maps.mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,H,W) → (B,64) embeddings of length 1, whose inner products the loss compares."""
        return functional.normalize(self.head(self.represent(x)), dim=1)


def draw_views(count: int, generator: torch.Generator) -> Tensor:
    """(count,6) parameters of random views: side, centre right and down, mirrored, contrast, brightness.

    The side of the crop is √area with the area uniform in [0.3,1] of the image's; the centre, in units of
    half the image, is uniform where the crop fits; ±1 says whether it is mirrored.
    """
    u = torch.rand(count, 6, generator=generator)
    side = (SMALLEST_CROP + (1 - SMALLEST_CROP) * u[:, 0]).sqrt()
    right, down = ((2 * u[:, i] - 1) * (1 - side) for i in (1, 2))
    mirrored = torch.where(u[:, 3] < 0.5, -1.0, 1.0)
    contrast = 1 + CONTRAST * (2 * u[:, 4] - 1)
    return torch.stack([side, right, down, mirrored, contrast, BRIGHTNESS * (2 * u[:, 5] - 1)], dim=1)


def view(x: Tensor, drawn: Tensor) -> Tensor:
    """Each image of x (B,C,H,W) by its own parameters (B,6) of ``draw_views``; differentiable, in [0,1]."""
    side, right, down, mirrored, contrast, brightness = drawn.to(x.device).unbind(1)
    none = torch.zeros_like(side)
    across = torch.stack([side * mirrored, none, right], dim=1)
    along = torch.stack([none, side, down], dim=1)
    grid = functional.affine_grid(torch.stack([across, along], dim=1), list(x.shape), align_corners=False)
    cut = functional.grid_sample(x, grid, padding_mode="border", align_corners=False)
    scale, shift = (values[:, None, None, None] for values in (contrast, brightness))
    return ((cut - CENTRE) * scale + CENTRE + shift).clamp(0, 1)


def contrast(anchor: Tensor, positive: Tensor, negatives: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """(B,) nats: −log of the positive's share among positive and M negatives, each row by itself.

    Args:
        anchor, positive: (B,E) of length 1.
        negatives: (M,E) of length 1, the same for all rows.
        temperature: τ > 0.
    """
    own = (anchor * positive).sum(1) / temperature
    others = functional.linear(anchor, negatives) / temperature
    return torch.cat([own[:, None], others], dim=1).logsumexp(1) - own


def nt_xent(first: Tensor, second: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Mean over 2B views of −log of the partner's share among the other 2B − 1 [SimCLR, eq. 1], in nats.

    Args:
        first, second: (B,E) of length 1, two views of the same B images.
        temperature: τ > 0.
    """
    views = torch.cat([first, second])
    alike = views @ views.T / temperature
    alike.fill_diagonal_(-torch.inf)
    partner = torch.arange(len(views), device=views.device).roll(len(first))
    return functional.cross_entropy(alike, partner)


def pair_loss(network: SimCLR, x: Tensor, partner: Tensor, generator: torch.Generator) -> Tensor:
    """NT-Xent of fresh views of x (B,C,H,W) and of ``partner`` (B,C,H,W), which may be x itself."""
    first, second = (view(part, draw_views(len(part), generator)) for part in (x, partner))
    both = network(torch.cat([first, second]))
    return nt_xent(both[: len(x)], both[len(x) :])
