"""Parameters of new images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from advmi_core.attacks import Attack
from advmi_core.attacks.core.mi_term import DISTANCE, MI_TERMS
from advmi_core.augmentation.strength import Strength
from advmi_core.validate import check_choice, check_count, check_number, check_same_length

METHODS = ("mine-uae", "solver-uae", "l2-uae", "gaussian")


@dataclass(frozen=True, kw_only=True)
class AugmentationSpec(Strength):
    """Parameters of new images; frozen, JSON-serialisable through ``spec()``.

    Attributes:
        method: one of ``METHODS``.
        mi: only ``"mine-uae"``: what is minimised, a name of ``MI_TERMS`` (see ``PublishedMinMax``).
        eps, steps, inner, alpha, start, mi_weight, warmup: see ``Strength``.
        l2: only ``"gaussian"``: ‖x̃ − x‖₂ ≥ 0 of every image, unless ``run`` is given one for each.
        seed: ≥ 0; an image depends on its own position and on no other image.
        part: images ≥ 1 made and kept at once; no image depends on it.

    Raises:
        ValueError: a parameter is outside its range.
    """

    method: str = "mine-uae"
    mi: str = "mine-conv"
    l2: float | None = None
    seed: int = 0
    part: int = 250

    def __post_init__(self) -> None:
        check_choice(self.method, "method", METHODS)
        check_choice(self.mi, "mi", tuple(name for name in MI_TERMS if name != DISTANCE))
        check_count(self.part, "part")
        check_count(self.seed, "seed", low=0)
        if self.l2 is not None:
            check_number(self.l2, "l2", low=0)
            if self.method != "gaussian":
                raise ValueError(f'l2 belongs to method="gaussian", got {self.l2:g} for {self.method!r}')
        self.attack()

    def attack(self) -> Attack:
        """The attack that makes the UAEs; ``"gaussian"`` does not run it."""
        if self.method == "solver-uae":
            return self.solver(self.seed)
        return self.minmax(DISTANCE if self.method == "l2-uae" else self.mi, self.seed)

    def spec(self) -> dict[str, Any]:
        """Everything that the images depend on beside model and originals."""
        if self.method == "gaussian":
            own = {"l2": self.l2, "seed": self.seed}
        else:
            # Rows of a batch do not depend on one another, so how many fit the memory is no parameter.
            own = {name: value for name, value in self.attack().spec().items() if name != "batch_size"}
        return {"method": self.method, "part": self.part, **own}

    def _lengths(self, x: Tensor, l2: Tensor | None) -> Tensor | None:
        """(N,) wanted lengths of the noise; None for UAEs, which have none."""
        if self.method != "gaussian":
            if l2 is not None:
                raise ValueError(f'l2 belongs to method="gaussian", got lengths for {self.method!r}')
            return None
        if l2 is None:
            if self.l2 is None:
                raise ValueError("gaussian noise needs its wanted length l2, got none")
            return torch.full((len(x),), self.l2, device=x.device)
        if l2.ndim != 1 or not bool(torch.isfinite(l2).all()) or bool((l2 < 0).any()):
            raise ValueError(f"l2 must be (N,) finite lengths ≥ 0, got {tuple(l2.shape)} {l2.dtype}")
        check_same_length(x, l2, "x and l2")
        return l2.detach().to(x.device, torch.float32)
