"""Records and result of making new images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

COLUMNS = ("success", "criterion", "mi_loop", "l2", "start_l2", "moved_l2")


@dataclass(frozen=True)
class AugmentStep:
    """A finished part, or a sign of life from the part in hand, about every half second.

    Attributes:
        step: parts finished so far, 0…``total``.
        total: parts in all.
        start: position of the part's first image.
        count: images of the part.
        done: images finished so far; within a part, the share of its iterations that is done counts.
        success: share of the images of finished parts that succeeded; NaN before the first.
        seconds: spent on the part; NaN for a part found on disk that does not say.
        reused: the part was found on disk.
    """

    step: int
    total: int
    start: int
    count: int
    done: int
    success: float
    seconds: float
    reused: bool


@dataclass(frozen=True, eq=False)
class Augmented:
    """The N images of all finished parts, where the caller's images live.

    Attributes:
        x: (N,C,H,W) originals.
        x_adv: (N,C,H,W) float32 in [0,1], the new images x̃.
        success: (N,) bool, f(x̃) ≤ 0 (for a UAE, with I > 0 inside the loop).
        criterion: (N,) f(x̃).
        mi_loop: (N,) nats, the MI inside the loop; NaN where none is used.
        l2: (N,) ‖x̃ − x‖₂.
        start_l2: (N,) ‖δ₁‖₂ of the random start after its projection.
        moved_l2: (N,) ‖x̃ − x − δ₁‖₂, what the optimisation added to it.
        spec: everything that the images depend on, JSON-serialisable.
        complete: no part is missing.
    """

    x: Tensor
    x_adv: Tensor
    success: Tensor
    criterion: Tensor
    mi_loop: Tensor
    l2: Tensor
    start_l2: Tensor
    moved_l2: Tensor
    spec: dict[str, Any]
    complete: bool

    @property
    def count(self) -> int:
        """N, the images made."""
        return len(self.x_adv)

    @property
    def asr(self) -> float:
        """Share of the images that succeeded; NaN if there are none."""
        return float(self.success.float().mean()) if self.count else float("nan")


def join(x: Tensor, parts: list[dict[str, Tensor]], spec: dict[str, Any]) -> Augmented:
    """The finished parts, in their order, beside their originals, the first of ``x``."""
    empty = {"x_adv": x[:0], **{name: torch.empty(0, device=x.device) for name in COLUMNS}}
    whole = {name: torch.cat([part[name] for part in parts]) if parts else empty[name] for name in empty}
    whole["success"] = whole["success"].bool()
    count = len(whole["x_adv"])
    return Augmented(x=x[:count], **whole, spec=spec, complete=count == len(x))
