"""x̃ for one training step: projected gradient ascent on the running model."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from advmi_core.attacks.core.ball import Ball, steepest
from advmi_core.attacks.core.gradients import mended
from advmi_core.defenses.losses import divergence
from advmi_core.objectives import log_odds

Logits = Callable[[Tensor], Tensor]
STEP_SHARE = 0.25
"""Step size in units of ε [NAMID]."""


def craft(
    logits: Logits,
    x: Tensor,
    y: Tensor,
    noise: Tensor,
    *,
    eps: float,
    steps: int,
    norm: str = "linf",
    loss: str = "ce",
    watch: Callable[[Tensor], object] | None = None,
) -> Tensor:
    """PGD from a random start to where the loss is large; no gradient reaches the weights.

    Args:
        logits: images (B,C,H,W) → (B,classes). It should be in evaluation mode, as in the public code of
            TRADES and MART: in training mode every step would move the running statistics and mix the images.
        x: images in [0,1]; y: (B,) labels.
        noise: (B,C,H,W) in [0,1), the start within ±ε.
        eps, steps, norm: the ball, and how many steps of ε/4 are taken in it.
        loss: ``"ce"`` descends the log odds of y, the direction of the cross entropy, ``"kl"`` ascends the
            divergence from h(x).
        watch: is shown the logits (B,classes) of the start and of every iterate but the last, which is
            returned without having been looked at.

    Returns:
        x̃ (B,C,H,W), detached, inside ball and box.
    """
    ball = Ball(x, eps, norm)
    x_adv = ball.project(x + (2 * noise - 1) * eps)
    with torch.no_grad():
        clean = logits(x) if loss == "kl" else None
    for _ in range(steps):
        x_adv = x_adv.detach().requires_grad_()
        with torch.enable_grad():
            seen = logits(x_adv)
            if watch is not None:
                watch(seen.detach())
            height = -log_odds(seen, y).sum() if clean is None else divergence(clean, seen).sum()
            (gradient,) = torch.autograd.grad(height, x_adv)
        gradient, _ = mended(gradient, x_adv.detach(), torch.zeros_like(y, dtype=torch.bool))
        x_adv = ball.project(x_adv.detach() + STEP_SHARE * eps * steepest(gradient, norm))
    return x_adv.detach()
