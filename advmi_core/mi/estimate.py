"""One call for the mutual information of images and their perturbed twins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from advmi_core.mi.critics import PRESETS
from advmi_core.mi.per_sample import PerSampleMINE
from advmi_core.mi.sampling import Sampled, draw_samples, resolve_sampling
from advmi_core.validate import check_choice, check_count, check_images

DEFAULT_STEPS = 100
_PART = 64  # images measured at once


class OnDevice(Sampled, Protocol):
    """An objective, as far as the estimate needs it."""

    device: torch.device


def estimate_mi(
    objective: OnDevice,
    x: Tensor,
    x_adv: Tensor,
    *,
    seed: int = 0,
    sampling: str = "auto",
    estimator: str = "dv",
    critic: str = "compact",
    steps: int = DEFAULT_STEPS,
    pairs: str = "auto",
    rows: Sequence[int] | None = None,
) -> Tensor:
    """Mutual information between each image and its perturbed twin by fresh per-sample critics [UAE].

    The critics are scored on the samples they were trained on, so the unbounded estimators are optimistic:
    with K = 16–64 samples ``"dv"`` can exceed log K by far. Compare numbers of one setting only.

    Args:
        objective: gives the model, and with it the first convolution.
        x, x_adv: (B,C,H,W) float32 in [0,1].
        seed: ≥ 0; the same seed gives the same numbers.
        sampling: ``"conv"``, ``"random"`` or ``"auto"`` (conv where the model starts with a convolution).
        estimator: name in ``BOUNDS``.
        critic: ``"compact"`` or ``"paper"``.
        steps: Adam steps of each critic, ≥ 1.
        pairs: marginal pairs, see ``PerSampleMINE``.
        rows: row ids, default 0…B−1; a row's value does not depend on its batch mates.

    Returns:
        (B,) float32 nats, on ``x``'s device.

    Raises:
        ValueError: images or names are not as stated.
    """
    check_images(x)
    check_images(x_adv, "x_adv")
    if x.shape != x_adv.shape:
        raise ValueError(f"x_adv must have x's shape {tuple(x.shape)}, got {tuple(x_adv.shape)}")
    check_count(steps, "steps")
    check_choice(critic, "critic", tuple(PRESETS))
    kind = resolve_sampling(objective, sampling)
    ids = range(len(x)) if rows is None else rows
    values = []
    for start in range(0, len(x), _PART):
        part = slice(start, start + _PART)
        with torch.no_grad():
            a, b = (
                draw_samples(objective, images[part].to(objective.device), kind, seed)
                for images in (x, x_adv)
            )
        mine = PerSampleMINE(
            a,
            critic=critic,
            bound=estimator,
            pairs=pairs,
            seed=seed,
            rows=ids[part],
            lr=PRESETS[critic].fit_lr,
        )
        samples = mine.prepare(b)
        mine.ascend(samples, steps)
        values.append(mine.value(samples))
    return torch.cat(values).to(x.device)
