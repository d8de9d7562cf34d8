"""The allowed perturbations: an L∞ or L2 ball around x, cut with the box of images [0,1]."""

from __future__ import annotations

import torch
from torch import Tensor

NORMS = ("linf", "l2")
_GRID = 255.0


class Ball:
    """Keeps x̃ within ε of x and inside [0,1], exactly, in float32 and in float64.

    Args:
        x: (B,C,H,W) centres in [0,1].
        eps: ε ≥ 0.
        norm: ``"linf"`` or ``"l2"``.
        quantize: allow only the 256 levels of an 8-bit picture.
    """

    def __init__(self, x: Tensor, eps: float, norm: str, quantize: bool = False) -> None:
        self.x = x
        self.eps = eps
        self.norm = norm
        self.quantize = quantize
        reach = eps if norm == "linf" else 1.0
        self._low, self._high = _edge(x, -reach), _edge(x, reach)

    def project(self, x_adv: Tensor) -> Tensor:
        """The point of the ball and the box that stands for ``x_adv``; exactly inside both."""
        boxed = torch.minimum(torch.maximum(x_adv, self._low), self._high)
        return boxed if self.norm == "linf" else self._shrink(boxed)

    def snap(self, x_adv: Tensor) -> Tensor:
        """A projected point moved to the 8-bit grid, if asked for, without leaving ball and box."""
        if not self.quantize:
            return x_adv
        # Towards x, so that no norm grows; a pixel that has no level between x and x̃ stays x.
        down = (x_adv * _GRID).floor() / _GRID
        up = (x_adv * _GRID).ceil() / _GRID
        level = torch.where(x_adv > self.x, down, up)
        crossed = (level - self.x) * (x_adv - self.x) < 0
        return self.project(torch.where(crossed | (x_adv == self.x), self.x, level))

    def _shrink(self, boxed: Tensor) -> Tensor:
        """Scale δ back to the L2 ball; shrinking towards x never leaves the box.

        Rounding x + δ can push the norm over ε again, so rows still outside are pulled in a little
        further; the last pull leaves x itself.
        """
        delta = boxed - self.x
        length = per_image(delta.flatten(1).norm(dim=1).clamp_min(1e-30), delta)
        for slack in (1e-6, 1e-5, 1e-3, 1.0):
            outside = per_image(self._too_far(boxed), delta)
            boxed = torch.where(outside, self.x + delta * (self.eps * (1 - slack) / length), boxed)
        return boxed

    def _too_far(self, x_adv: Tensor) -> Tensor:
        """(B,) bool: the norm of the stored float32 numbers exceeds ε."""
        exact: Tensor = (x_adv.double() - self.x.double()).flatten(1).norm(dim=1)
        rounded: Tensor = (x_adv - self.x).flatten(1).norm(dim=1).double()
        return (exact > self.eps) | (rounded > self.eps)


def per_image(values: Tensor, images: Tensor) -> Tensor:
    """(B,) values shaped to broadcast over images (B,…)."""
    return values.reshape(-1, *[1] * (images.ndim - 1))


def steepest(gradient: Tensor, norm: str) -> Tensor:
    """The direction (B,C,H,W) of length 1 in ``norm`` along which a linear function grows fastest."""
    if norm == "linf":
        return gradient.sign()
    length = gradient.flatten(1).norm(dim=1).clamp_min(1e-30)
    return gradient / per_image(length, gradient)


def _edge(x: Tensor, reach: float) -> Tensor:
    """The pixel values ``reach`` away from x, or a rounding error less if that were too far, in [0,1]."""
    edge = x
    for pull in reversed(range(9)):  # rounding errors are at most a few units in the last place of the reach
        further = (x.double() + reach * (1 - pull * 2.0**-24)).clamp(0, 1).float()
        exact = (further.double() - x.double()).abs() <= abs(reach)
        rounded = (further - x).abs().double() <= abs(reach)
        edge = torch.where(exact & rounded, further, edge)
    return edge
