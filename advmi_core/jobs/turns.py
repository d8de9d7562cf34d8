"""Scheduling: batches of jobs take turns in a lane, and a long one leaves most of them to short ones.

A class presses Start at once. First come, first served, the last one would see nothing for a minute; with
equal shares all would end together at the end. So a batch that begins has a turn at once, every fourth turn
goes round by virtual time [start-time fair queueing, Goyal et al. 1996], so that all move, and the other ones
go to the batch that has the least left per job, which makes the mean of the ends smallest [Smith 1956].
Waiting jobs of the same kind begin together, as one batch: a batch of twenty costs seven times as much as one
job, not twenty times.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from advmi_core.jobs.job import Job, Lane

TURN = 0.2  # seconds
ROUND = 4  # every so many turns one goes round
PATIENCE = 3.0  # seconds that a job waits for a running batch of its kind to end, so that its kind gathers
LONG = 8.0  # seconds of work after which a batch counts as long …
LONG_COSTS = 5.0  # … and its seconds count this much


@dataclass(eq=False)
class Batch:
    """Jobs that are computed together, most often one.

    Attributes:
        jobs: those that are not done yet; ``size``: as many as there were.
        began: when.
        due: virtual time of its next turn of those that go round; ``used``: seconds of all its turns.
    """

    jobs: deque[Job]
    size: int
    began: float
    due: float
    used: float = 0.0

    @property
    def long(self) -> bool:
        """It has had more than short work takes."""
        return self.used > LONG * self.size

    @property
    def left(self) -> float:
        """Seconds to its end, by its own speed, divided by the jobs that wait for it; 0 while unknown."""
        done = sum(job.progress for job in self.jobs) / max(1, len(self.jobs))
        return self.used * (1 - done) / (max(done, 1e-6) * max(1, len(self.jobs)))


@dataclass
class Turns:
    """The jobs of one lane: those that wait, in their order, and the batches that take turns."""

    lane: Lane
    waiting: list[Job] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    _turns: int = 0

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
            self.batches.append(Batch(jobs, len(jobs), now, due))
            admitted += jobs
        return admitted

    def next(self) -> Batch | None:
        """The batch whose turn it is."""
        if not self.batches:
            return None
        new = next((batch for batch in self.batches if not batch.used), None)
        if new is not None:  # its first picture comes before the others' next
            return new
        self._turns += 1
        if self._turns % ROUND:
            return min(self.batches, key=lambda batch: batch.left)
        return min(self.batches, key=lambda batch: batch.due)

    def charge(self, batch: Batch, seconds: float) -> None:
        """A batch had a turn."""
        batch.used += seconds
        batch.due += seconds * (LONG_COSTS if batch.long else 1.0)

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
