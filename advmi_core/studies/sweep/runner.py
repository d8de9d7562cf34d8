"""A sweep at work: its shards found or computed by the engine, then the whole result written."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from pathlib import Path

import torch

from advmi_core.experiments.compute import Part, Task, compute
from advmi_core.experiments.executors.choice import check_executor, make_executor
from advmi_core.experiments.executors.executor import Executor
from advmi_core.studies.sweep.folder import RunFolder, Shard, runs_folder
from advmi_core.studies.sweep.results import Shards, SweepResult, SweepStep, assemble
from advmi_core.studies.sweep.spec import SweepSpec
from advmi_core.studies.sweep.work import Measured, attack_on, attacking


class Runner:
    """One run of a sweep. Args and errors: see ``Sweep.run``."""

    def __init__(
        self,
        sweep: SweepSpec,
        directory: Path | None,
        executor: str,
        workers: int | None,
        ray_address: str | None,
        device: torch.device,
    ) -> None:
        check_executor(executor, workers, ray_address)
        self._choice, self._device = (executor, workers, ray_address), device
        self.sweep, self.subject = sweep, sweep.subject()
        objective = self.subject.objective()
        for cell in sweep.cells:
            sweep.attack(cell).check(objective)
        spec = sweep.spec_of(self.subject)
        self.folder = RunFolder(runs_folder() if directory is None else directory, sweep, spec)
        self.folder.open(self.subject)
        self.total = len(self.folder.shards)
        self._seen: Shards = {cell: {} for cell in sweep.cells}
        self._spent: dict[str, list[float]] = {}
        self._began = math.nan

    def result(self) -> SweepResult:
        """Everything measured so far, by this run or by earlier ones that it has found."""
        return assemble(self.sweep, self.folder.spec, self._seen, self.folder.path)

    def steps(self) -> Generator[SweepStep, None, None]:
        """What is on disk, then what has to be computed, then the whole result."""
        for part in compute([self._task(shard) for shard in self.folder.shards], self._executor):
            yield self._step(part)
        self.folder.finish(self.result())

    def _executor(self) -> Executor:
        self._began = time.monotonic()
        executor, workers, ray_address = self._choice
        # Ray shows a task no GPU but its own, so an index would be wrong there.
        device = torch.device(self._device.type) if executor == "ray" else self._device
        job = attacking(self.subject.network, device)
        return make_executor(executor, job, workers, ray_address, gpu=self._device.type == "cuda")

    def _task(self, shard: Shard) -> Task[Shard]:
        rows = slice(shard.start, shard.stop)
        x, y = self.subject.x[rows].numpy(), self.subject.y[rows].numpy()
        return Task(
            shard,
            self.folder.artefact,
            shard.name,
            good=lambda arrays: shard.outcome(arrays) is not None,
            call=lambda: attack_on(self.sweep.attack(shard.cell), shard.start, x, y),
        )

    def _step(self, part: Part[Shard]) -> SweepStep:
        shard, measured = part.key, part.key.outcome(part.arrays)
        assert isinstance(measured, Measured)  # the engine has looked
        self._seen[shard.cell][shard.start] = measured.table, part.seconds
        if not part.reused:
            self._spent.setdefault(shard.cell.method, []).append(part.seconds)
        step = sum(map(len, self._seen.values()))
        return SweepStep(
            step, self.total, shard.cell, shard.start, part.seconds, part.reused, self._seconds_left()
        )

    def _seconds_left(self) -> float:
        """By the shards computed so far, method by method; NaN before the first one.

        What was found in the folder took no time, so it says nothing about what is left.
        """
        computed = [seconds for spent in self._spent.values() for seconds in spent]
        if not sum(computed):
            return math.nan
        ahead, of_each = 0.0, self.total // len(self.sweep.cells)
        for cell in self.sweep.cells:
            own = self._spent.get(cell.method, computed)
            ahead += (of_each - len(self._seen[cell])) * sum(own) / len(own)
        return ahead * (time.monotonic() - self._began) / sum(computed)
