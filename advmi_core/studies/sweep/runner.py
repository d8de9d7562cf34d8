"""The driver of a sweep: finds, claims, hands out and keeps shards, and writes the whole result."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from advmi_core.studies.sweep.executors.executor import Executor, check_executor, make_executor
from advmi_core.studies.sweep.executors.work import Task
from advmi_core.studies.sweep.folder import Measured, RunFolder, Shard, runs_folder
from advmi_core.studies.sweep.results import SweepResult, SweepStep, assemble
from advmi_core.studies.sweep.spec import SweepSpec

_POLL = 0.2  # seconds between looks at what other processes do


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
        self.seen: list[SweepStep] = []
        self._claims: dict[Shard, FileLock] = {}

    def result(self) -> SweepResult:
        """Everything measured so far, by this run or by earlier ones that it has found."""
        return assemble(self.sweep, self.folder.spec, self.seen, self.folder.path)

    def steps(self) -> Generator[SweepStep, None, None]:
        """What is on disk, then what has to be computed, then the whole result."""
        missing: deque[Shard] = deque()
        for shard in self.folder.shards:
            kept = self.folder.read(shard)
            if kept is None:
                missing.append(shard)
            else:
                yield self._step(shard, kept, reused=True)
        if missing:
            yield from self._compute(missing)
        self.folder.finish(self.result())

    def _compute(self, missing: deque[Shard]) -> Generator[SweepStep, None, None]:
        executor, workers, ray_address = self._choice
        crew = make_executor(executor, self.subject.network, workers, ray_address, self._device)
        new: list[SweepStep] = []
        try:
            while missing or self._claims:
                new += self._hand_out(missing, crew)
                yield from new  # while the workers are at work
                new = []
                if self._claims:
                    outcomes = crew.finished(_POLL)
                    new = [self._keep(shard, measured) for shard, measured in outcomes]
                elif missing:  # all of them claimed by other processes
                    time.sleep(_POLL)
            yield from new
        finally:
            for shard, measured in crew.close():
                self._keep(shard, measured)
            for claim in self._claims.values():
                claim.release()
            self._claims.clear()

    def _hand_out(self, missing: deque[Shard], crew: Executor) -> list[SweepStep]:
        """Give the crew work; what other processes finished in the meantime is taken from the disk."""
        found = []
        for _ in range(len(missing)):
            if len(self._claims) == crew.workers:
                break
            shard = missing.popleft()
            claim = self.folder.lock(shard)
            try:
                claim.acquire(timeout=0)
            except Timeout:
                missing.append(shard)
                continue
            kept = self.folder.read(shard)
            if kept is None:
                self._claims[shard] = claim
                crew.submit(self._task(shard))
            else:
                claim.release()
                found.append(self._step(shard, kept, reused=True))
        return found

    def _task(self, shard: Shard) -> Task:
        rows = slice(shard.start, shard.stop)
        x, y = self.subject.x[rows].numpy(), self.subject.y[rows].numpy()
        return Task(shard, self.sweep.attack(shard.cell), x, y)

    def _keep(self, shard: Shard, measured: Measured) -> SweepStep:
        self.folder.write(shard, measured)
        self._claims.pop(shard).release()
        return self._step(shard, measured, reused=False)

    def _step(self, shard: Shard, measured: Measured, reused: bool) -> SweepStep:
        step = SweepStep(
            step=len(self.seen) + 1,
            total=self.total,
            cell=shard.cell,
            start=shard.start,
            table=measured.table,
            seconds=measured.seconds,
            reused=reused,
        )
        self.seen.append(step)
        return step
