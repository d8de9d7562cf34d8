"""Records and result of a sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advmi_core.evaluation import ImageTable, Summary, summarise
from advmi_core.studies.sweep.spec import Cell, SweepSpec

Shards = dict[Cell, dict[int, tuple[ImageTable, float]]]
"""Cell → position of a shard's first image → its table and its seconds (NaN unknown)."""


@dataclass(frozen=True)
class SweepStep:
    """One finished shard. Shards come in the order in which they are done.

    Attributes:
        step: shards done so far, 1…``total``.
        total: shards of the whole sweep.
        cell: method and ε.
        start: position in the split of the shard's first image.
        seconds: of one core that the shard took; NaN if unknown.
        reused: the shard was found on disk.
        left: seconds to the sweep's end; NaN before the first shard that this run computes.
    """

    step: int
    total: int
    cell: Cell
    start: int
    seconds: float
    reused: bool
    left: float = math.nan


@dataclass(frozen=True)
class SweepResult:
    """Everything measured so far.

    Attributes:
        spec: what the results depend on, JSON-serialisable.
        tables: cell → its images so far, by position, in the sweep's order of cells; empty tables as well.
        seconds: cell → seconds of one core per attacked image; NaN if unknown.
        folder: where the run lies; None if it was kept nowhere.
        complete: every image was measured in every cell.
    """

    spec: dict[str, Any]
    tables: dict[Cell, ImageTable]
    seconds: dict[Cell, float]
    folder: Path | None
    complete: bool

    def table(self) -> list[tuple[Cell, Summary]]:
        """One line a cell that has images, in the sweep's order."""
        return [(cell, summarise(table)) for cell, table in self.tables.items() if len(table)]


def assemble(sweep: SweepSpec, spec: dict[str, Any], seen: Shards, folder: Path | None) -> SweepResult:
    """What the shards seen so far amount to."""
    tables = {
        cell: ImageTable.join([shards[start][0] for start in sorted(shards)]) for cell, shards in seen.items()
    }
    seconds = {cell: _per_image(shards) for cell, shards in seen.items()}
    complete = all(len(table) == sweep.n for table in tables.values())
    return SweepResult(spec, tables, seconds, folder, complete)


def _per_image(shards: Mapping[int, tuple[ImageTable, float]]) -> float:
    """Seconds per attacked image, over those shards whose seconds are known; NaN if there are none."""
    known = [(seconds, int(table.correct.sum())) for table, seconds in shards.values() if seconds >= 0]
    images = sum(count for _, count in known)
    return sum(seconds for seconds, _ in known) / images if images else math.nan
