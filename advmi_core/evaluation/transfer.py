"""Black box: x̃ is made on one model and judged by another, which the attack never sees."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from advmi_core.attacks import Attack
from advmi_core.evaluation.robust import RobustResult, RobustStep, judged
from advmi_core.run import Run


def transfer_accuracy(
    surrogate: nn.Module,
    target: nn.Module,
    x: Tensor,
    y: Tensor,
    attacks: Mapping[str, Attack],
    *,
    batch: int = 64,
) -> Run[RobustStep, RobustResult]:
    """Accuracy of ``target`` on examples made against ``surrogate``.

    Every image that the target gets right is attacked, whatever the surrogate makes of it. A minimal-norm
    attack stops at the surrogate's border, so its examples transfer badly; that is what it measures.

    Args:
        surrogate, target: logits (B,classes) of the same classes.
        x, y, attacks, batch: as in ``robust_accuracy``.

    Raises:
        ValueError: images, labels or the labels of attacks are not as stated.
    """
    return judged(surrogate, target, x, y, attacks, batch=batch)
