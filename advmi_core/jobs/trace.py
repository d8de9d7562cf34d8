"""Records of a job: evenly spaced, bounded in number and memory."""

from __future__ import annotations

from typing import Any


class Trace:
    """Records of one job, thinned to bounded number and memory; evenly spaced, the latest always there.

    Args:
        keep: most records kept.
        keep_bytes: most bytes of arrays and tensors kept.
    """

    def __init__(self, keep: int = 240, keep_bytes: int = 48 << 20) -> None:
        self._keep, self._keep_bytes = max(2, keep), keep_bytes
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._stride = 1
        self._seen = 0
        self._kept: list[tuple[int, Any]] = []
        self._latest: Any = None
        self.bytes = 0

    def add(self, record: Any) -> None:
        """Keep ``record`` if its turn has come; halve what is kept when that becomes too much."""
        self._latest = record
        if self._seen % self._stride == 0:
            self._kept.append((self._seen, record))
            self.bytes += memory(record)
            if len(self._kept) > self._keep or (self.bytes > self._keep_bytes and len(self._kept) > 2):
                self._halve()
        self._seen += 1

    def _halve(self) -> None:
        self._stride *= 2
        self._kept = [(index, record) for index, record in self._kept if index % self._stride == 0]
        self.bytes = sum(memory(record) for _, record in self._kept)

    def records(self) -> tuple[Any, ...]:
        """What is kept, oldest first, ending with the latest record."""
        kept = tuple(record for _, record in self._kept)
        if not kept or kept[-1] is self._latest:
            return kept
        return (*kept, self._latest)


def memory(thing: Any) -> int:
    """Bytes of the arrays and tensors that ``thing`` holds in its attributes (0 for plain values)."""
    if thing is None:
        return 0
    values = vars(thing).values() if hasattr(thing, "__dict__") else ()
    return sum(int(getattr(value, "nbytes", 0)) for value in values)
