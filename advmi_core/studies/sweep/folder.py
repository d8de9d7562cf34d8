"""A run on disk: shards while it is computed, and the whole result once it is complete."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advmi_core import paths
from advmi_core.evaluation import ImageTable
from advmi_core.experiments.artefact import Arrays, Artefact, read_arrays, write_arrays
from advmi_core.experiments.store import RESULT
from advmi_core.files import write_text
from advmi_core.studies.sweep.inputs import Inputs
from advmi_core.studies.sweep.results import Shards, SweepResult, assemble
from advmi_core.studies.sweep.spec import Cell, SweepSpec
from advmi_core.studies.sweep.work import Measured

Pictures = NDArray[np.float32]
IN_GALLERY = 24
IMAGES, GALLERY, SUMMARY = "images.npz", "gallery.npz", "summary.json"


def runs_folder() -> Path:
    """Where the runs lie unless told otherwise: ``$ADVMI_RUNS`` or the user cache's runs/."""
    override = os.environ.get("ADVMI_RUNS")
    return Path(override) if override else paths.cache() / "runs"


def shipped_folder() -> Path:
    """Where the runs lie that came with AdvMI."""
    return paths.assets() / "runs"


@dataclass(frozen=True)
class Shard:
    """Images start…stop−1 of the split in one cell."""

    cell: Cell
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Its file's name below shards/ and timings/, without the ending."""
        return f"{self.cell.id}/{self.start:06d}"

    def outcome(self, arrays: Arrays) -> Measured | None:
        """What the arrays say of it; None if they are damaged, or another shard's."""
        return Measured.from_arrays(arrays, self.start, self.stop)


class RunFolder:
    """One run's folder ``directory/NAME-HASH``.

    Args:
        directory: where the folders of all runs lie.
        sweep: what is computed.
        spec: its spec, ``sweep.spec()``.
    """

    def __init__(self, directory: Path, sweep: SweepSpec, spec: dict[str, Any]) -> None:
        self.sweep = sweep
        self.artefact = Artefact(directory, sweep.name, spec, inside="shards")
        self.spec, self.path = self.artefact.spec, self.artefact.folder
        # All cells get their first images first: every curve is there early and becomes sharper.
        self.shards = [
            Shard(cell, start, min(start + sweep.shard, sweep.n))
            for start in range(0, sweep.n, sweep.shard)
            for cell in sweep.cells
        ]

    def open(self, subject: Inputs) -> None:
        """Make the folder with spec and images, or make sure that it is the right one.

        Raises:
            ValueError: the folder belongs to another spec, or cannot be read or written.
        """
        self.artefact.open()
        images = {"x": subject.x.numpy(), "y": subject.y.numpy()}
        kept = read_arrays(self.path / IMAGES) or {}
        if any(not np.array_equal(kept.get(name, ()), values) for name, values in images.items()):
            write_arrays(self.path / IMAGES, images)

    def read(self, shard: Shard) -> Measured | None:
        """A finished shard; None if there is none, or a damaged one, which will be computed again."""
        arrays = self.artefact.get(shard.name)
        return None if arrays is None else shard.outcome(arrays)

    def finish(self, result: SweepResult) -> None:
        """Write the whole result; its file comes last, because it says that the run is complete."""
        write_arrays(self.path / GALLERY, self._all_pictures())
        rows = [
            {"cell": cell.id, "method": cell.method, "eps": cell.eps, **summary.facts()}
            for cell, summary in result.table()
        ]
        write_text(self.path / SUMMARY, json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        columns = {
            f"{cell.id}/{name}": values
            for cell, table in result.tables.items()
            for name, values in table.arrays().items()
        }
        write_arrays(self.path / RESULT, columns)

    def result(self) -> SweepResult:
        """What is there, the whole result or the shards so far."""
        whole = read_arrays(self.path / RESULT)
        tables = self._from_whole(whole) if whole else {}
        found: Shards = {cell: {} for cell in self.sweep.cells}
        for shard in self.shards:
            if shard.cell in tables:
                table = tables[shard.cell].take(np.arange(shard.start, shard.stop))
            elif (measured := self.read(shard)) is not None:
                table = measured.table
            else:
                continue
            found[shard.cell][shard.start] = table, self.artefact.seconds(shard.name)
        return assemble(self.sweep, self.spec, found, self.path)

    def _from_whole(self, whole: dict[str, NDArray[Any]]) -> dict[Cell, ImageTable]:
        """The good ones among the tables of result.npz."""
        tables = {}
        for cell in self.sweep.cells:
            prefix = f"{cell.id}/"
            columns = {name.removeprefix(prefix): whole[name] for name in whole if name.startswith(prefix)}
            try:
                table = ImageTable.from_arrays(columns)
            except ValueError:
                continue
            if np.array_equal(table.index, np.arange(self.sweep.n)):
                tables[cell] = table
        return tables

    def gallery(self, cell: Cell) -> dict[str, NDArray[Any]]:
        """Arrays x, x_adv (k,C,H,W) and index (k,) of the cell's first counted images, k ≤ ``IN_GALLERY``."""
        whole = read_arrays(self.path / GALLERY) or {}
        names = {"x": "x", "x_adv": f"{cell.id}/x_adv", "index": "index"}
        if all(name in whole for name in names.values()):
            return {key: whole[name] for key, name in names.items()}
        return self._pictures(cell)

    def _all_pictures(self) -> dict[str, NDArray[Any]]:
        """The same for all cells; the images are those of every cell, because only the model counts them."""
        found = {cell: self._pictures(cell) for cell in self.sweep.cells}
        first = found[self.sweep.cells[0]]
        return {"x": first["x"], "index": first["index"]} | {
            f"{cell.id}/x_adv": pictures["x_adv"] for cell, pictures in found.items()
        }

    def _pictures(self, cell: Cell) -> dict[str, NDArray[Any]]:
        x = (read_arrays(self.path / IMAGES) or {}).get("x")
        if x is None:
            raise ValueError(f"{self.path / IMAGES} is missing or damaged; start the run again to mend it")
        rows = list(islice(self._counted(cell), IN_GALLERY))
        index = np.array([position for position, _ in rows], dtype=np.int64)
        x_adv = np.stack([image for _, image in rows]) if rows else np.zeros((0, *x.shape[1:]), np.float32)
        return {"x": x[index], "x_adv": x_adv, "index": index}

    def _counted(self, cell: Cell) -> Iterator[tuple[int, Pictures]]:
        """Position and x̃ of the cell's counted images, as far as they are finished, in their order."""
        for shard in self.shards:
            if shard.cell == cell and (measured := self.read(shard)) is not None:
                table = measured.table
                for row in np.flatnonzero(table.correct):
                    yield int(table.index[row]), measured.x_adv[row]
