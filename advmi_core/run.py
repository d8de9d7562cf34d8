"""A computation is a generator of small records: the one shape of attacks, trainings and estimates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

RecordT = TypeVar("RecordT")
RecordT_co = TypeVar("RecordT_co", covariant=True)
ResultT = TypeVar("ResultT")


class Closable(Protocol[RecordT_co]):
    """What a generator function returns, as far as a run needs it."""

    def __iter__(self) -> Iterator[RecordT_co]: ...
    def __next__(self) -> RecordT_co: ...
    def close(self) -> None: ...


class Run(Generic[RecordT, ResultT]):
    """A computation in progress: iterate it for records, read ``result`` for the best so far.

    Closing it (or leaving its ``with`` block) cancels the rest of the work and keeps what was found.
    ``total`` is the number of steps a complete run takes, for progress bars; ``ended`` says that all
    records were read.
    """

    def __init__(self, records: Closable[RecordT], result: Callable[[], ResultT], total: int) -> None:
        self._records = records
        self._finish = result
        self._result: ResultT | None = None
        self.total = total
        self.ended = False
        self._closed = False

    def __iter__(self) -> Iterator[RecordT]:
        return self

    def __next__(self) -> RecordT:
        try:
            return next(self._records)
        except StopIteration:
            self.ended = not self._closed
            raise

    def close(self) -> None:
        """Stop now; ``result`` stays available and holds the best found so far."""
        self._closed = True
        self._records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def result(self) -> ResultT:
        """The result of what has been computed; reading it ends the run."""
        if self._result is None:
            self.close()
            self._result = self._finish()
        return self._result

    def so_far(self) -> ResultT:
        """The result of what has been computed; the run goes on.

        Between two records, in the thread that iterates. What it costs is what ``result`` would.
        """
        return self._finish() if self._result is None else self._result

    def drain(self) -> ResultT:
        """Run to the end, ignoring the records."""
        for _ in self:
            pass
        return self.result
