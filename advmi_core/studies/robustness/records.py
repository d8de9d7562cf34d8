"""Records of a robustness study."""

from __future__ import annotations

from dataclasses import dataclass

from advmi_core.evaluation import Accuracy

Cell = tuple[str, int, str]
"""Row, seed, attack: one model under one attack."""


@dataclass(frozen=True)
class RobustnessStep:
    """One part is there: some images of one model under one attack.

    Attributes:
        step, total: parts, 1…total.
        row, seed, attack: whose.
        start, stop: its images' positions.
        accuracy: over this part's images alone.
        seconds: that the part took, whenever it was computed; NaN if unknown.
        reused: it was found on disk.
    """

    step: int
    total: int
    row: str
    seed: int
    attack: str
    start: int
    stop: int
    accuracy: Accuracy
    seconds: float
    reused: bool
