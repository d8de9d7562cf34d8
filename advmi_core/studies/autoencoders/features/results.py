"""Result and table of a study that probes learned features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advmi_core.evaluation import Paired, paired
from advmi_core.studies.autoencoders.records import GAUSSIAN, ORIGINAL

UAE = "mine-uae"
PROBE_ROWS = (ORIGINAL, UAE, GAUSSIAN)
Cell = tuple[str, str]


@dataclass(frozen=True)
class ProbeSummary:
    """One metric of one row under one protocol.

    Attributes:
        row, protocol, metric: which.
        seeds: trainings that are there.
        mean, std: over seeds (n − 1); NaN where there are too few.
        against_original, against_gaussian: paired over seeds, this row minus that one, with Student's 95 %
            interval; None for that row itself.
    """

    row: str
    protocol: str
    metric: str
    seeds: int
    mean: float
    std: float
    against_original: Paired | None
    against_gaussian: Paired | None


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """Everything found so far.

    Attributes:
        spec: the study's parameters, JSON-serialisable.
        metrics: their names.
        cells: (row, protocol) → (S,M) values of S seeds and M metrics, NaN where a training is not there yet.
        asr: share of the UAEs that succeeded; NaN before.
        used: new images mixed in.
        complete: no training is missing.
        folder: where the parts lie.
    """

    spec: dict[str, Any]
    metrics: tuple[str, ...]
    cells: dict[Cell, NDArray[np.float64]]
    asr: float
    used: int
    complete: bool
    folder: Path

    def table(self) -> list[ProbeSummary]:
        """One line a row, protocol and metric."""
        return [self._line(*cell, at) for at in range(len(self.metrics)) for cell in self.cells]

    def _line(self, row: str, protocol: str, at: int) -> ProbeSummary:
        values = self.cells[row, protocol][:, at]
        there = values[np.isfinite(values)]
        against = {
            other: paired(values, self.cells[other, protocol][:, at]) if other != row else None
            for other in (ORIGINAL, GAUSSIAN)
        }
        return ProbeSummary(
            row=row,
            protocol=protocol,
            metric=self.metrics[at],
            seeds=len(there),
            mean=float(there.mean()) if len(there) else math.nan,
            std=float(there.std(ddof=1)) if len(there) > 1 else math.nan,
            against_original=against[ORIGINAL],
            against_gaussian=against[GAUSSIAN],
        )
