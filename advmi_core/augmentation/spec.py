"""Parameters of new images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch
from torch import Tensor

from advmi_core.attacks import Attack
from advmi_core.attacks.core.informed import TERM
from advmi_core.attacks.core.mi_term import DISTANCE
from advmi_core.augmentation.strength import Strength
from advmi_core.fields import SEED, Field, check_fields
from advmi_core.validate import check_same_length

METHODS = {
    "mine-uae": "UAEs by the published rule",
    "solver-uae": "UAEs by the solver",
    "l2-uae": "L2-UAEs",
    "gaussian": "Gaussian noise",
}
_TERM = replace(TERM, choices={name: text for name, text in TERM.choices.items() if name != DISTANCE})
PART = Field("Images at once", "Made and kept; no image depends on it.", low=1)


@dataclass(frozen=True, kw_only=True)
class AugmentationSpec(Strength):
    """Parameters of new images; frozen, JSON-serialisable through ``spec()``.

    Attributes:
        mi: only ``"mine-uae"``: what is minimised.
        eps, steps, inner, alpha, start, mi_weight, warmup: see ``Strength``.
        l2: only ``"gaussian"``: ‖x̃ − x‖₂ of every image, unless ``run`` is given one for each.
        seed: an image depends on its own position and on no other image.

    Raises:
        ValueError: a parameter is outside its range.
    """

    method: Annotated[str, Field("Method", choices=METHODS)] = "mine-uae"
    mi: Annotated[str, _TERM] = "mine-conv"
    l2: Annotated[float | None, Field("Length of the noise", low=0)] = None
    seed: Annotated[int, SEED] = 0
    part: Annotated[int, PART] = 250

    def __post_init__(self) -> None:
        check_fields(self)
        if self.l2 is not None and self.method != "gaussian":
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
