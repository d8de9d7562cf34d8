"""Records of a retraining study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from advmi_core.parts import Floats

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
        step: units of work done so far, 0…``total``.
        total: units of the whole study; a unit takes about as long as any other.
        model, row: whose images.
        split: ``"train"``, images to be mixed in, or ``"test"``, those that only tell the success rate.
        done, count: images finished and wanted.
        success: share of the images of finished parts with f ≤ 0; NaN before the first.
        l2, start_l2, moved_l2: in the last record of a set of images, the means of ‖x̃ − x‖₂, of its random
            start and of what the optimisation moved; else NaN.
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
    l2: float
    start_l2: float
    moved_l2: float
    reused: bool


@dataclass(frozen=True, eq=False)
class RetrainStep:
    """One moment of one training: after its first gradient step, every second or so, and after every epoch.

    Attributes:
        step, total: as in ``MakingStep``.
        model, row: what is trained, and on what.
        protocols: those that this training serves: the original's one, a row with new images both.
        seed: of initial weights and batch order.
        epoch: the epoch in progress or just finished, 1…``epochs``.
        epochs: E epochs of the whole training.
        loss: training loss, mean over the epoch so far.
        validation: squared error per pixel after the last whole epoch; NaN before the first.
        curve: (e,) float32, the same after every whole epoch so far.
        losses: (N,) float32 squared error per pixel of each measured image, in the last record of a training;
            else empty.
        kept: (K,) float32, then too: of the information in the first K measured images the share that a new
            UAE by the solver keeps; NaN where it found none.
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
    curve: Floats
    losses: Floats
    kept: Floats
    used: int
    reused: bool


Record = MakingStep | RetrainStep


def part_in_hand(record: Record) -> tuple[int, int] | None:
    """The unit of work in hand and the number of units; None where a kill now would begin one anew."""
    whole = record.done == record.count if isinstance(record, MakingStep) else bool(len(record.losses))
    return (min(record.step + 1, record.total), record.total) if whole else None
