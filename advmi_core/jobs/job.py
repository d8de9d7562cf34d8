"""One job: what the submitter said, how far it is, and what may be known of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from advmi_core.jobs.trace import Trace, memory
from advmi_core.run import Run

State = Literal["queued", "running", "done", "cancelled", "failed"]
AnyRun = Run[Any, Any]
MakeRun = Callable[[], AnyRun]

ACTIVE: tuple[State, ...] = ("queued", "running")
_RECENT = 60.0  # seconds of which the speed is taken


@dataclass(frozen=True)
class Lane:
    """A queue with a worker thread of its own; ``abreast`` of its batches take turns, the others wait."""

    name: str
    abreast: int = 12


@dataclass(frozen=True)
class Kin:
    """Makes waiting jobs one batch: those with the same ``key`` may be computed together.

    Attributes:
        key: equal for jobs that differ only in their rows.
        rows: of this job.
        part: what ``make`` needs to know of this job.
        make: one run per part, in their order, which share the computation (as of ``attacks.together``).
        most: rows that are computed together at most. A larger batch saves little more, and all of its jobs
            end with it.
    """

    key: Hashable
    rows: int
    part: Any
    make: Callable[[Sequence[Any]], Sequence[AnyRun]]
    most: int = 12


@dataclass(frozen=True)
class Snapshot:
    """What is known of a job at one moment; safe to read from any thread.

    Attributes:
        id, label: the job's name for programs and for people.
        state: queued, running, done, cancelled or failed.
        position: jobs ahead of it in its queue (0: it is next, or no longer queued).
        records: thinned records in order; the latest is always the last one.
        progress: 0…1 of the run's steps.
        elapsed: seconds since it began; ``eta``: seconds left, None while unknown.
        result: the result, also the partial one of a cancelled job; None where there is none.
        so_far: of a live job, the result of the records up to now or a moment ago; None before the first, and
            after the end.
        error: one sentence if the job failed or was given up, else "".
        about: what the submitter said about it.
        owner: who answers for it: its submitter, or the viewer who took its place.
        page: where it is shown.
        interactive: it ends without its owner.
    """

    id: str
    label: str
    state: State
    position: int
    records: tuple[Any, ...]
    progress: float
    elapsed: float
    eta: float | None
    result: Any
    error: str
    about: Any
    owner: str
    page: str = ""
    interactive: bool = True
    so_far: Any = None

    @property
    def active(self) -> bool:
        """Still queued or running."""
        return self.state in ACTIVE


@dataclass(eq=False)
class Job:
    """One job as the manager holds it: ``touched`` and ``seen`` are the last signs of its viewer."""

    id: str
    label: str
    lane: Lane
    make_run: MakeRun | None
    interactive: bool
    trace: Trace
    touched: float
    seen: float
    about: Any
    owner: str
    present: Callable[[], bool] | None
    prepare: Callable[[], None] | None
    kin: Kin | None
    page: str = ""
    live: bool = False
    run: AnyRun | None = None
    state: State = "queued"
    stop: bool = False
    discarded: bool = False
    progress: float = 0.0
    started: float | None = None
    ended: float | None = None
    result: Any = None
    so_far: Any = None
    asked: bool = True
    error: str = ""
    marks: deque[tuple[float, float]] = field(default_factory=deque)

    @property
    def active(self) -> bool:
        """Still queued or running."""
        return self.state in ACTIVE

    @property
    def bytes(self) -> int:
        """Memory of records and result."""
        return self.trace.bytes + memory(self.result) + memory(self.so_far)

    def begin(self, now: float) -> None:
        """It is its turn for the first time, or anew."""
        self.state, self.started, self.progress = "running", now, 0.0
        self.trace.clear()
        self.marks.clear()

    def add(self, record: Any, total: int, now: float) -> None:
        """Take in a record."""
        self.trace.add(record)
        self.progress = min(1.0, record.step / max(1, getattr(record, "total", total)))
        self.marks.append((now, self.progress))
        while len(self.marks) > 2 and now - self.marks[1][0] > _RECENT:
            self.marks.popleft()

    def snapshot(self, now: float, position: int) -> Snapshot:
        """How it is doing."""
        now = self.ended if self.ended is not None else now
        return Snapshot(
            id=self.id, label=self.label, state=self.state, position=position, records=self.trace.records(),
            progress=self.progress, elapsed=0.0 if self.started is None else now - self.started,
            eta=self._eta(now), result=self.result, error=self.error, about=self.about, owner=self.owner,
            page=self.page, interactive=self.interactive, so_far=self.so_far,
        )  # fmt: skip

    def _eta(self, now: float) -> float | None:
        """By the last minute's speed, without the first step, which also loads and prepares."""
        if self.state != "running" or len(self.marks) < 2:
            return None
        (since, start), (until, end) = self.marks[0], self.marks[-1]
        if end <= start or until <= since:
            return None
        return max(0.0, (1 - end) * (until - since) / (end - start) - (now - until))
