"""Records of a retraining study, small enough that many of them may be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ORIGINAL, GAUSSIAN, SAME_LOSS = "original", "gaussian", "gaussian-loss"
SOLVED = {"solver-uae": "self", "solver-uae-x": "original"}
"""Row of UAEs by the solver → what they are to be rebuilt to, whatever the study says of others."""
NOISES = (GAUSSIAN, SAME_LOSS)
ROWS = (ORIGINAL, "mine-uae-conv", "mine-uae-patches", *SOLVED, "l2-uae", *NOISES)
PROTOCOLS = ("equal-epochs", "equal-steps")


def longest(rows: Sequence[str]) -> str | None:
    """The row of UAEs whose lengths Gaussian noise has: the solver's, else the first of ``ROWS``."""
    order = (*SOLVED, *(row for row in ROWS if row not in (ORIGINAL, *SOLVED, *NOISES)))
    return next((row for row in order if row in rows), None)


@dataclass(frozen=True)
class MakingStep:
    """New images being made.

    Attributes:
        step: gradient steps and new images of the whole study done so far, 0…``total``.
        total: all of them.
        model, row: whose images.
        split: ``"train"``, images to be mixed in, or ``"test"``, those that only tell the success rate.
        done, count: images finished and wanted.
        success: share of the images of finished parts with f ≤ 0; NaN before the first.
        reused: the part was found on disk.
    """

    step: int
    total: int
    model: str
    row: str
    split: str
    done: int
    count: int
    success: float
    reused: bool


@dataclass(frozen=True)
class RetrainStep:
    """One moment of one training: after its first gradient step, every second or so, and after every epoch.

    Attributes:
        step, total: as in ``MakingStep``.
        model, row: what is trained, and on what.
        protocols: those that this training serves: the original's one, a row with new images both.
        seed: of initial weights and batch order.
        epoch: the epoch in progress or just finished, 1…``epochs``.
        epochs: of the whole training.
        loss: training loss, mean over the epoch so far; NaN where it is not known.
        validation: the network's own loss on the validation images after the last whole epoch; NaN before.
        metrics: metric → value in the last record of a training; empty before.
        used: new images mixed in.
        reused: the training was found on disk.
    """

    step: int
    total: int
    model: str
    row: str
    protocols: tuple[str, ...]
    seed: int
    epoch: int
    epochs: int
    loss: float
    validation: float
    metrics: dict[str, float]
    used: int
    reused: bool


Record = MakingStep | RetrainStep
