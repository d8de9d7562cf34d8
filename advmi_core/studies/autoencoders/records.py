"""What a retraining study says while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from advmi_core.parts import Floats

ORIGINAL, GAUSSIAN = "original", "gaussian"
ROWS = (ORIGINAL, "mine-uae-conv", "mine-uae-patches", "l2-uae", GAUSSIAN)
PROTOCOLS = ("equal-epochs", "equal-steps")


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
    used: int
    reused: bool


Record = MakingStep | RetrainStep


def part_in_hand(record: Record) -> tuple[int, int] | None:
    """The unit of work in hand and the number of units; None where a kill now would begin one anew."""
    whole = record.done == record.count if isinstance(record, MakingStep) else bool(len(record.losses))
    return (min(record.step + 1, record.total), record.total) if whole else None
