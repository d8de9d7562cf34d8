"""One call for the mutual information of images and their perturbed twins."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from advmi_core.memory import in_parts
from advmi_core.mi.bounds import BOUNDS
from advmi_core.mi.critics import PRESETS
from advmi_core.mi.gaussian import gaussian_mi
from advmi_core.mi.pairs import PAIRS
from advmi_core.mi.per_image.patches import FOLDS, cross_fitted
from advmi_core.mi.per_image.published import fresh_critics
from advmi_core.mi.per_image.sampling import (
    PATCH_SAMPLINGS,
    Sampled,
    draw_samples,
    resolve_sampling,
    row_length,
)
from advmi_core.validate import check_choice, check_count, check_images

_LOG = logging.getLogger(__name__)
DEFAULT_STEPS = 100
CLOSED_FORM = "gaussian"
_PART, _PART_ON_DEVICE = 64, 512  # images measured at once: on a CPU nothing is gained beyond
_VALUES, _VALUES_ON_DEVICE = 1 << 23, 1 << 28  # of their samples, and of as many copies


class OnDevice(Sampled, Protocol):
    """An objective, as far as the estimate needs it."""

    device: torch.device


def estimate_mi(
    objective: OnDevice,
    x: Tensor,
    x_adv: Tensor,
    *,
    seed: int = 0,
    sampling: str = "patches",
    estimator: str | None = None,
    critic: str = "compact",
    steps: int = DEFAULT_STEPS,
    members: int = 1,
    held_out: bool | None = None,
    folds: str = "random",
    pairs: str = "auto",
    rows: Sequence[int] | None = None,
    tell: Callable[[str], object] = _LOG.warning,
) -> Tensor:
    """Mutual information between each image and its perturbed twin.

    The default is reliable: the 3×3 patches of the image are the samples, small critics learn from one half
    of the positions and are scored on the other by InfoNCE. Its values rank images and methods the same way
    for every seed (benchmarks/reliability.py). They are lower bounds on the MI of patches, comparable among
    themselves; overlapping patches of random folds leak a little, ``folds="blocks"`` does not. Held-out
    critics that claim too much are tempered, so that independent images stay near 0 at every size.

    The published definitions are ``sampling="conv"`` and ``"random"`` [UAE, sec. 3.1]: critics scored on the
    few samples that they were trained on. Those values are optimistic and change from seed to seed.

    Args:
        objective: gives the model, and with it the first convolution.
        x, x_adv: (B,C,H,W) float32 in [0,1].
        seed: ≥ 0; the same seed gives the same numbers.
        sampling: ``"patches"`` of the image, ``"map-patches"`` (positions of the first layer's maps),
            ``"conv"``, ``"random"``, or ``"auto"`` (conv where the model starts with a convolution).
        estimator: name in ``BOUNDS``, or ``"gaussian"`` (closed form, patches only); default InfoNCE for
            patches, DV for the published samplings.
        critic: preset of the published samplings, ``"compact"`` or ``"paper"``.
        steps: Adam steps of each critic, ≥ 1.
        members: critics to average, ≥ 1.
        held_out: score critics on samples they have not seen; default True for patches, False as published.
        folds: of patches, ``"random"`` or ``"blocks"``.
        pairs: marginal pairs of the published samplings, see ``PerSampleMINE``.
        rows: row ids, default 0…B−1; a row's value does not depend on its batch mates.
        tell: hears the sentence for the user when fewer images at a time fit the memory.

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
    check_count(members, "members")
    check_choice(critic, "critic", tuple(PRESETS))
    check_choice(folds, "folds", FOLDS)
    check_choice(pairs, "pairs", PAIRS)
    kind = resolve_sampling(objective, sampling)
    of_patches = kind in PATCH_SAMPLINGS
    bound = estimator or ("infonce" if of_patches else "dv")
    check_choice(bound, "estimator", (*BOUNDS, CLOSED_FORM))
    if bound == CLOSED_FORM and not of_patches:
        raise ValueError(f'estimator="gaussian" needs sampling="patches" or "map-patches", got {kind!r}')
    held = of_patches if held_out is None else held_out
    common: dict[str, Any] = {
        "bound": bound,
        "seed": seed,
        "steps": steps,
        "members": members,
        "held_out": held,
    }
    measure: Callable[..., Tensor]
    if bound == CLOSED_FORM:
        measure = _closed_form
    elif of_patches:
        measure = partial(
            cross_fitted,
            columns=row_length(objective, x, kind),
            folds=folds,
            **common,
        )
    else:
        measure = partial(fresh_critics, critic=critic, pairs=pairs, **common)
    ids = list(range(len(x))) if rows is None else list(rows)

    def measured(part: slice) -> Tensor:
        with torch.no_grad():
            a, b = (
                draw_samples(objective, images[part].to(objective.device), kind, seed)
                for images in (x, x_adv)
            )
        return measure(a, b, rows=ids[part])

    on_cpu = objective.device.type == "cpu"
    size = _PART if on_cpu else _PART_ON_DEVICE
    if of_patches:  # those of one 224×224 picture in colour are a million numbers
        values = 9 * x[0].numel()
        size = max(1, min(size, (_VALUES if on_cpu else _VALUES_ON_DEVICE) // values))
    return torch.cat(in_parts(measured, len(x), size, objective.device, tell)).to(x.device)


def _closed_form(a: Tensor, b: Tensor, rows: Sequence[int]) -> Tensor:
    return gaussian_mi(a, b)
