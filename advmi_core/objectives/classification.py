"""Misclassification: the margin of logits, untargeted or towards a target class."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from advmi_core.objectives.base import Objective
from advmi_core.objectives.logits import log_odds, temperature
from advmi_core.outputs import like_probabilities
from advmi_core.validate import check_labels, check_same_length

# An iterate this close to f = 0 may change sides in a forward pass with other batch mates.
LOGIT_TIE = 1e-4
RELATIVE_LOGIT_TIE = 1e-6  # of the largest logit


class Classification(Objective):
    """Supervised attack on a classifier's logits, f by the margin [UAE, eq. 2].

    Untargeted: f = h(x̃)_y − max_{j≠y} h(x̃)_j + κ. Targeted: f = max_{j≠t} h(x̃)_j − h(x̃)_t + κ. ``success`` is
    argmax h(x̃) ≠ y, or = t.

    Args:
        model: logits (B,classes).
        y: (B,) int64 true labels.
        target: (B,) int64 wanted labels, none of them the true one; None for an untargeted attack.
        kappa: margin κ ≥ 0 in logits.

    Raises:
        ValueError: labels of the wrong type or, as soon as images are seen, number or range.
    """

    mi_sign = +1

    def __init__(self, model: nn.Module, y: Tensor, target: Tensor | None = None, kappa: float = 0.0) -> None:
        super().__init__(model, kappa)
        limit = torch.iinfo(torch.int64).max
        self.y = check_labels(y, limit).detach().to(self.device)
        self.target = None
        if target is not None:
            self.target = check_labels(target, limit, "target").detach().to(self.device)
            check_same_length(self.target, self.y, "target and y")
            if bool((self.target == self.y).any()):
                raise ValueError("target must differ from the true label y in every row")

    def _check(self, x: Tensor, output: Tensor) -> None:
        if output.ndim != 2 or output.shape[1] < 2:
            raise ValueError(f"model must return logits (B,classes ≥ 2), got {tuple(output.shape)}")
        check_labels(self.y, output.shape[1])
        check_same_length(x, self.y, "x and y")
        if self.target is not None:
            check_labels(self.target, output.shape[1], "target")

    def _reference(self, x: Tensor, clean: Tensor) -> Tensor:
        return torch.stack([self.y, self.y if self.target is None else self.target], dim=1)

    def judge(self, x: Tensor, output: Tensor, reference: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        label = reference[:, 1]
        chosen = output.gather(1, label.unsqueeze(1)).squeeze(1)
        others = output.scatter(1, label.unsqueeze(1), -torch.inf).amax(1)
        margin = chosen - others if self.target is None else others - chosen
        predicted = output.argmax(1)
        success = predicted != label if self.target is None else predicted == label
        success = success & ~margin.isnan()  # argmax takes NaN for the largest
        criterion = margin + self.kappa
        tie = (RELATIVE_LOGIT_TIE * output.detach().abs().amax(1)).clamp_min(LOGIT_TIE)
        return criterion, success, success & (margin <= -tie) & (criterion <= 0)

    def loss(self, output: Tensor, reference: Tensor) -> Tensor:
        odds = log_odds(output, reference[:, 1])
        return odds if self.target is None else -odds

    def unit(self, clean: Tensor) -> Tensor:
        return temperature(clean)

    def _odd_output(self, clean: Tensor) -> str | None:
        return like_probabilities(clean)

    def correct(self, clean: Tensor, reference: Tensor) -> Tensor:
        return clean.argmax(1) == reference[:, 0]

    def scale(self, reference: Tensor) -> Tensor:
        return torch.ones(len(reference), device=reference.device)

    def spec(self) -> dict[str, Any]:
        target = None if self.target is None else self.target.tolist()
        return {
            "objective": "classification",
            "model": self.name,
            "y": self.y.tolist(),
            "target": target,
            "kappa": self.kappa,
        }
