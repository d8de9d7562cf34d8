"""Images as mass that moves over short distances: local transport plans and the best one for a gradient."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from advmi_core.attacks.core.ball import per_image

_BISECTIONS = 15  # as published
_RETURNS = 12  # passes in which full pixels send mass back
_ROUNDING = 1e-6


class LocalTransport:
    """Plans that move each pixel's mass inside a window around it; channels are transported separately.

    A plan is told by the mass that leaves, ``sent`` (B,C,k²,H·W): what pixel p sends to its neighbour o, 0
    for what stays. So its first marginal is x by construction, and x̃ = x − what leaves + what arrives.

    Args:
        x: (B,C,H,W) images in [0,1], the mass to move.
        window: k, odd; mass moves at most (k−1)/2 pixels along each axis.
    """

    def __init__(self, x: Tensor, window: int) -> None:
        self.x = x
        self._window = window
        reach = torch.arange(window) - window // 2
        distance = torch.cartesian_prod(reach, reach).to(x.dtype).norm(dim=1)
        self._distance = distance.view(-1, 1).to(x.device)
        lengths, ring = distance.unique(return_inverse=True)
        # Neighbours as far away as one another; the first ring is the pixel itself.
        rings = [(ring == place).nonzero().flatten() for place in range(1, len(lengths))]
        self._rings = [ring.to(x.device) for ring in rings]
        self._corners = [[divmod(place, window) for place in ring.tolist()] for ring in rings]
        self._lengths = lengths[1:].view(-1, 1).to(x.device)

    def nothing(self) -> Tensor:
        """The plan that moves nothing."""
        return torch.zeros_like(self._spread(self.x))

    def image(self, sent: Tensor) -> Tensor:
        """(B,C,H,W) x̃ of a plan; inside [0,1] once ``fit`` has seen the plan."""
        return self.x - self._leaving(sent) + self._arriving(sent)

    def cost(self, sent: Tensor) -> Tensor:
        """(B,) mass times Euclidean distance in pixels, summed over the plan."""
        total: Tensor = (sent * self._distance).flatten(1).sum(1)
        return total

    def best(self, gradient: Tensor, budget: Tensor) -> Tensor:
        """The plan of cost ≤ ``budget`` (B,) that minimises ⟨gradient, x̃⟩, whatever the pixels can hold.

        Its dual has one variable λ a row, the price of distance: at price λ every pixel sends all its mass to
        its best neighbour or keeps it. Bisection of λ leaves two such plans, one too dear and one not, and
        the mixture of both that spends the budget solves the linear program as soon as no third plan lies
        between [Wu, Wang & Yu 2020, sec. 5.1, here without entropy].
        """
        gain, neighbour = self._offers(gradient)
        dearest = (-gain / self._lengths).flatten(1).amax(1).clamp_min(0)
        low, high = torch.zeros_like(dearest), dearest * (1 + 1e-5)
        for _ in range(_BISECTIONS):
            price = (low + high) / 2
            dear = self._choose(gain, price)[2] > budget
            low, high = torch.where(dear, price, low), torch.where(dear, high, price)
        dear_ring, dear_mass, spent = self._choose(gain, low)
        cheap_ring, cheap_mass, saved = self._choose(gain, high)
        share = ((budget - saved) / (spent - saved).clamp_min(1e-30)).clamp(0, 1)
        share = per_image(share * (1 - _ROUNDING), gain)
        plan = self.nothing().scatter_add_(2, neighbour.gather(2, dear_ring), share * dear_mass)
        return plan.scatter_add_(2, neighbour.gather(2, cheap_ring), (1 - share) * cheap_mass)

    def fit(self, sent: Tensor) -> Tensor:
        """The plan with so much mass sent back that no pixel exceeds 1; it costs no more than before."""
        for _ in range(_RETURNS):
            over = self.image(sent) - 1
            over = torch.where(over > _ROUNDING, over, 0)
            # A CPU can look for free; for a device the host does not wait.
            if sent.device.type == "cpu" and not over.any():
                return sent
            sent = self._send_back(sent, over)
        # What a pixel holds at x plus all that arrives fits, whatever becomes of the mass that leaves it.
        still = (self.image(sent) - 1 > _ROUNDING).flatten(1).any(1)
        over = torch.where(per_image(still, self.x), self.x + self._arriving(sent) - 1, 0).clamp_min(0)
        return self._send_back(sent, over)

    def _send_back(self, sent: Tensor, over: Tensor) -> Tensor:
        """Without the part of arriving mass that is too much, ``over`` (B,C,H,W)."""
        kept = 1 - (over / self._arriving(sent).clamp_min(1e-30)).clamp(0, 1)
        return sent * self._spread(kept)

    def _offers(self, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Of each pixel, per distance: what its best neighbour there changes, and which one that is.

        Whatever distance costs, mass goes to one of these, so the search for its price looks at no others.

        Returns:
            Two (B,C,R,H·W), R the number of distances.
        """
        height, width = gradient.shape[-2:]
        around = F.pad(gradient, [self._window // 2] * 4, value=torch.inf)
        lowest, places = [], []
        for ring, corners in zip(self._rings, self._corners, strict=True):
            found = torch.stack([around[..., i : i + height, j : j + width] for i, j in corners], 2).min(2)
            lowest.append(found.values)
            places.append(ring[found.indices])
        gain = torch.stack(lowest, 2) - gradient.unsqueeze(2)
        return gain.flatten(3), torch.stack(places, 2).flatten(3)

    def _choose(self, gain: Tensor, price: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The best plan at a price of distance (B,).

        Returns:
            The place among the distances that each pixel's mass goes to and how much goes, (B,C,1,H·W) each,
            and what that costs (B,).
        """
        lowest, ring = (gain + per_image(price, gain) * self._lengths).min(2, keepdim=True)
        mass = torch.where(lowest < 0, self.x.flatten(2).unsqueeze(2), 0)
        return ring, mass, (mass * self._lengths.flatten()[ring]).flatten(1).sum(1)

    def _leaving(self, sent: Tensor) -> Tensor:
        return sent.sum(2).view_as(self.x)

    def _arriving(self, sent: Tensor) -> Tensor:
        size = self.x.shape[-2:]
        return F.fold(sent.flatten(1, 2), size, self._window, padding=self._window // 2)

    def _spread(self, values: Tensor) -> Tensor:
        """(B,C,k²,H·W): the value at each neighbour of each pixel, 0 outside the image."""
        columns = F.unfold(values, self._window, padding=self._window // 2)
        return columns.view(len(values), values.shape[1], self._window**2, -1)
