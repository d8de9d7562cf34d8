"""Who computes next: batches of jobs take turns in a lane, and a long one leaves most of them to short ones.

A class presses Start at once. First come, first served, the last one would see nothing for a minute, so every
batch gets short turns by virtual time [start-time fair queueing, Goyal et al. 1996]: the next turn goes to
the batch that had the least for its weight. Waiting jobs of the same kind begin together, as one batch: a
batch of twenty costs five times as much as one job, not twenty times.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from advmi_core.jobs.job import Job, Lane

TURN = 0.2  # seconds
PATIENCE = 3.0  # seconds that a job waits for a running batch of its kind to end, so that its kind gathers
LONG = 8.0  # seconds of work after which a batch counts as long …
LONG_COSTS = 5.0  # … and its seconds count this much


@dataclass(eq=False)
class Batch:
    """Jobs that are computed together, most often one; ``due``: its virtual time, ``used``: its seconds."""

    jobs: deque[Job]
    began: float
    due: float
    used: float = 0.0

    @property
    def long(self) -> bool:
        """It has had more than short work takes."""
        return self.used > LONG


@dataclass
class Turns:
    """The jobs of one lane: those that wait, in their order, and the batches that take turns."""

    lane: Lane
    waiting: list[Job] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)

    def admit(self, now: float) -> list[Job]:
        """Let waiting jobs begin; returns those that do."""
        admitted: list[Job] = []
        self.batches = [batch for batch in self.batches if batch.jobs]
        for job in list(self.waiting):
            if len(self.batches) >= self.lane.abreast:
                break
            if job not in self.waiting or self._gathers(job, now):
                continue
            jobs = deque(self._together(job))
            self.waiting = [other for other in self.waiting if other not in jobs]
            due = min((batch.due for batch in self.batches), default=0.0)
            # Its first picture comes before the others' next.
            self.batches.append(Batch(jobs, now, due - TURN))
            admitted += jobs
        return admitted

    def next(self) -> Batch | None:
        """The batch whose turn it is."""
        return min(self.batches, key=lambda batch: batch.due, default=None)

    def charge(self, batch: Batch, seconds: float) -> None:
        """A batch had a turn. All move, the older ones faster, so that not all end together at the end."""
        older = sum(not other.long for other in self.batches[: self.batches.index(batch)])
        batch.used += seconds
        batch.due += seconds * (LONG_COSTS if batch.long else min(LONG_COSTS, 1.0 + older))

    def ahead_of(self, job: Job) -> int:
        """Jobs or batches before a waiting one."""
        busy = sum(bool(batch.jobs) for batch in self.batches)
        return self.waiting.index(job) + (busy if busy >= self.lane.abreast else 0)

    def _gathers(self, job: Job, now: float) -> bool:
        """Whether the job waits for its kind: a batch of it is about to end."""
        return job.kin is not None and any(
            other.kin is not None and other.kin.key == job.kin.key
            for batch in self.batches
            if now - batch.began < PATIENCE
            for other in batch.jobs
        )

    def _together(self, first: Job) -> list[Job]:
        """The job, and those that can be computed with it."""
        if first.kin is None:
            return [first]
        chosen, rows = [first], first.kin.rows
        for job in self.waiting:
            kin = job.kin
            alike = kin is not None and job is not first and kin.key == first.kin.key
            if alike and kin is not None and rows + kin.rows <= first.kin.most:
                chosen.append(job)
                rows += kin.rows
        return chosen
