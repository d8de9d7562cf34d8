"""One step of an attack on a part of the batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from advmi_core.objectives import Evaluation


@dataclass(frozen=True)
class Iterate:
    """One x̃ of a part of the batch, detached, on the computing device; all values belong to it.

    ``eligible`` (b,) rows may be kept as adversarial; the highest ``score`` (b,) among them is.
    ``lost`` (b,) bool: the row's gradient at this x̃ was exactly zero or not finite; None without gradients.
    ``passes``, (b,) int64 or one number for all: forward passes of the model that the step took for a row.
    """

    x_adv: Tensor
    evaluation: Evaluation
    eligible: Tensor
    score: Tensor
    mi: Tensor
    c: Tensor
    gap: Tensor
    passes: Tensor | int = 1
    lost: Tensor | None = None

    @classmethod
    def of(
        cls,
        x_adv: Tensor,
        seen: Evaluation,
        *,
        score: Tensor | None = None,
        c: Tensor | None = None,
        gap: Tensor | None = None,
        passes: int = 1,
        lost: Tensor | None = None,
    ) -> Iterate:
        """The iterate of an attack without MI; the lowest criterion is kept unless a ``score`` is given."""
        unknown = torch.full((len(x_adv),), torch.nan, device=x_adv.device)
        seen = seen.detached()
        return cls(
            x_adv=x_adv.detach(),
            evaluation=seen,
            eligible=seen.clear,
            score=-seen.criterion if score is None else score,
            mi=unknown,
            c=unknown if c is None else c,
            gap=unknown if gap is None else gap,
            passes=passes,
            lost=torch.zeros_like(seen.clear) if lost is None else lost,
        )
