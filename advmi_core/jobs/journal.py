"""State of long computations on disk: a later process says what was interrupted, and where."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from advmi_core import paths
from advmi_core.files import write_atomically
from advmi_core.run import Run

_PARTS = 1000
RecordT = TypeVar("RecordT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One computation.

    Attributes:
        key: of all its parameters, see :func:`key_of`.
        title: what people call it.
        page: that shows it, "" if none does.
        form: that page's parameters then, by name, JSON-serialisable.
        folder: where its parts lie, where that is not the app's own folder or no page shows it.
        part, parts: the part in hand, 1…``parts``; both 0 before the first record.
        ended: it went to its end.
    """

    key: str
    title: str
    page: str
    form: Mapping[str, Any]
    part: int = 0
    parts: int = 0
    ended: bool = False
    folder: str = ""

    @property
    def where(self) -> str:
        """How far it came, in words."""
        if not self.parts:
            return "its beginning"
        unit = "part" if self.parts <= _PARTS else "step"  # some count the gradient steps that are kept
        return f"{unit} {self.part:,} of {self.parts:,}"


def folder() -> Path:
    """Where the entries lie."""
    return paths.cache() / "journal"


def key_of(kind: str, spec: Mapping[str, Any], folder: Path | None = None) -> str:
    """The same for the same computation: its kind, and a hash of all its parameters and of its own folder."""
    text = json.dumps(
        dict(spec) | ({"folder": str(folder)} if folder else {}), sort_keys=True, ensure_ascii=False
    )
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def next_part(record: Any) -> tuple[int, int]:
    """The part in hand after a record that ends one, and the number of parts; for :func:`kept`."""
    return min(record.step + 1, record.total), record.total


def kept(
    run: Run[RecordT, ResultT], entry: Entry, where: Callable[[RecordT], tuple[int, int] | None]
) -> Run[RecordT, ResultT]:
    """The same run; while it is iterated, the journal says how far it came.

    Args:
        run: the computation.
        entry: how it begins; a page and its form that are known from before stay if it names none.
        where: a record → the part in hand from then on and the number of parts; None where a kill now would
            begin the part anew.
    """

    def records() -> Generator[RecordT, None, None]:
        before = None if entry.page else find(entry.key)
        now = entry if before is None else replace(entry, page=before.page, form=before.form)
        _write(now)
        with run:
            for record in run:
                found = where(record)
                if found is not None and found != (now.part, now.parts):
                    now = replace(now, part=found[0], parts=found[1])
                    _write(now)
                yield record
        _write(replace(now, ended=True))

    return Run(records(), lambda: run.result, run.total)


def find(key: str) -> Entry | None:
    """The entry of this key; None if there is none, or a damaged one."""
    try:
        return Entry(**json.loads((folder() / f"{key}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def entries() -> list[tuple[Entry, datetime]]:
    """All entries and when they were written, the latest first."""
    found = []
    for path in folder().glob("*.json"):
        with contextlib.suppress(OSError):  # deleted since it was listed
            if (entry := find(path.stem)) is not None:
                found.append((entry, datetime.fromtimestamp(path.stat().st_mtime, UTC)))
    return sorted(found, key=lambda item: item[1], reverse=True)


def forget(key: str) -> None:
    """Take an entry out; what the computation has kept stays where it is."""
    (folder() / f"{key}.json").unlink(missing_ok=True)


def _write(entry: Entry) -> None:
    text = json.dumps(asdict(entry), ensure_ascii=False) + "\n"
    # A journal that cannot be written must not cost the result that it is about.
    with contextlib.suppress(OSError):
        write_atomically(folder() / f"{entry.key}.json", lambda path: path.write_text(text, encoding="utf-8"))
