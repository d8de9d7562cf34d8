"""Losses on logits that neither their scale nor a model too sure makes vanish."""

from __future__ import annotations

import torch
from torch import Tensor

WIDEST = 10.0  # nats between the largest and the smallest logit of a model that is not too sure


def log_odds(logits: Tensor, label: Tensor) -> Tensor:
    """(B,) log p_y/(1 − p_y) = h_y − log Σ_{j≠y} exp h_j of the labels (B,), from logits (B,classes).

    The cross entropy is log(1 + exp(−log odds)): it falls where they rise, and the gradients of both have
    one direction. But the cross entropy's has the factor 1 − p_y, which underflows where a model is sure
    (100 times the logits of a usual one are enough), while this one never vanishes.

    A row of logits that is spread over more than ``WIDEST`` nats is cooled down to it first: there all but
    one of the other classes would have lost their say. So the logits' scale does not matter to an attack, as
    in [Yu & Xu 2022, "Efficient Loss Function by Minimizing the Detrimental Effect of Floating-Point Errors
    on Gradient-Based Attacks"].
    """
    place = label.unsqueeze(1)
    logits = logits / temperature(logits).unsqueeze(1)
    others = logits.scatter(1, place, -torch.inf).logsumexp(1)
    return logits.gather(1, place).squeeze(1) - others


def temperature(logits: Tensor) -> Tensor:
    """(B,) ≥ 1, without a gradient: by how much logits (B,classes) are spread over more than ``WIDEST``."""
    seen = logits.detach()
    times = (seen.amax(1) - seen.amin(1)) / WIDEST
    return torch.where(times.isfinite(), times, 1.0).clamp_min(1)
