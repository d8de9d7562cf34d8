"""The published per-sample estimate of a finished x̃: fresh critics on a few samples [UAE, sec. 3.1]."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from advmi_core.mi.bounds import BOUNDS
from advmi_core.mi.critics import PRESETS
from advmi_core.mi.per_image.per_sample import PerSampleMINE
from advmi_core.mi.tempered import tempered_value
from advmi_core.rng import RowStreams, derive

_SPLITS = 6  # purpose of the random stream


def fresh_critics(
    a: Tensor,
    b: Tensor,
    *,
    rows: Sequence[int],
    seed: int,
    critic: str,
    bound: str,
    pairs: str,
    steps: int,
    members: int,
    held_out: bool,
) -> Tensor:
    """(B,) nats for samples a of x and b of x̃, maps (B,K,h,w) or vectors (B,K,D).

    Published: ``held_out=False``, the critics are scored on the samples they learnt from. Held out, they
    learn from one half of the samples and are scored on the other, and the other way round, by
    ``tempered_value``.

    Raises:
        ValueError: held out needs at least four samples.
    """
    values = []
    for member in range(members):
        # Members differ in everything that is drawn; the first is the single critic.
        own = seed if member == 0 else derive(seed, member)
        folds = _halves(a, b, RowStreams(own, rows, _SPLITS, a.device)) if held_out else [(a, b)]
        scores = []
        for (one, two), scored in zip(folds, reversed(folds), strict=True):
            mine = PerSampleMINE(
                one, critic=critic, bound=bound, pairs=pairs, seed=own, rows=rows, lr=PRESETS[critic].fit_lr
            )
            mine.ascend(mine.prepare(two), steps)
            scores.append(mine.scores_on(*scored) if held_out else mine.scores(mine.prepare(two)))
        if held_out:
            joint, marginal = (torch.stack(parts) for parts in zip(*scores, strict=True))
            values.append(tempered_value(BOUNDS[bound], joint, marginal).mean(0))
        else:
            values.append(BOUNDS[bound].value(*scores[0]))
    return torch.stack(values).mean(0)


def _halves(a: Tensor, b: Tensor, streams: RowStreams) -> list[tuple[Tensor, Tensor]]:
    """The samples of every row dealt into two random halves; an odd one is left out."""
    k = a.shape[1]
    if k < 4:
        raise ValueError(f"held-out scoring needs at least 4 samples of an image, got {k}")
    order = streams.permutation(k)
    here = torch.arange(len(a), device=a.device).unsqueeze(1)
    parts = (order[:, : k // 2], order[:, k // 2 : k // 2 * 2])
    return [(a[here, part], b[here, part]) for part in parts]
