"""How far a study is, on disk beside its parts, so that every process can list it and say so."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from advmi_core import paths
from advmi_core.experiments.artefact import Artefact
from advmi_core.files import parse_json, write_text
from advmi_core.run import Closable, Run

PROGRESS = "progress.json"
RecordT = TypeVar("RecordT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What ``progress.json`` holds.

    Attributes:
        title: what people call the study.
        done, total: parts; both 0 before the first.
        complete: it went to its end.
        uses: names of the folders beside its own that hold its parts.
        page: that shows it, "" if none does.
        form: that page's parameters, by name, JSON-serialisable.
    """

    title: str
    done: int = 0
    total: int = 0
    complete: bool = False
    uses: tuple[str, ...] = ()
    page: str = ""
    form: Mapping[str, Any] = field(default_factory=dict)


def read_progress(folder: Path) -> Progress | None:
    """What a study's folder says; None if it says nothing, or nothing that can be read."""
    try:
        found = Progress(**parse_json((folder / PROGRESS).read_text(encoding="utf-8")))
        return replace(found, uses=tuple(found.uses))
    except (OSError, ValueError, TypeError):
        return None


def write_progress(folder: Path, progress: Progress) -> None:
    """Say it. What cannot be written must not cost the result that it is about."""
    text = json.dumps(asdict(progress), ensure_ascii=False, indent=1) + "\n"
    with contextlib.suppress(OSError):
        write_text(folder / PROGRESS, text)


def parts_done(record: Any) -> tuple[int, int] | None:
    """Parts done and wanted, of a record whose steps are parts."""
    return record.step, record.total


class StudyRun(Run[RecordT, ResultT]):
    """A run whose folder says how far it is.

    Args:
        artefact: of the study; opened.
        title: what people call it.
        records, result, total: as of ``Run``.
        uses: further artefacts beside it that hold its parts; they are deleted with it. May grow meanwhile.
        done: a record → parts done and wanted, None where that is as before.
    """

    def __init__(
        self,
        artefact: Artefact,
        title: str,
        records: Closable[RecordT],
        result: Callable[[], ResultT],
        total: int,
        *,
        uses: Collection[Artefact] = (),
        done: Callable[[RecordT], tuple[int, int] | None] = parts_done,
    ) -> None:
        self.artefact = artefact
        self._uses = uses
        self._progress = replace(read_progress(artefact.folder) or Progress(title=title), title=title)
        super().__init__(self._told(records, done), result, total)

    def announce(self, page: str = "", form: Mapping[str, Any] | None = None) -> Self:
        """Let the page Runs list it wherever its folder lies, and open it on this page, if any."""
        remember(self.artefact.folder.parent)
        if page:
            self._progress = replace(self._progress, page=page, form=dict(form or {}))
        return self

    def _told(
        self, records: Closable[RecordT], done: Callable[[RecordT], tuple[int, int] | None]
    ) -> Generator[RecordT, None, None]:
        whole = self._progress.complete  # so is what its parts say, even where one has to be mended
        write_progress(self.artefact.folder, self._progress)
        with contextlib.closing(records):
            for record in records:
                found = None if whole else done(record)
                self._note(**({} if found is None else {"done": found[0], "total": found[1]}))
                yield record
        self._note(complete=True, done=self._progress.total)

    def _note(self, **news: Any) -> None:
        """Write what is new."""
        uses = {*self._progress.uses, *(one.folder.name for one in self._uses)}
        now = replace(self._progress, uses=tuple(sorted(uses)), **news)
        if now != self._progress:
            self._progress = now
            write_progress(self.artefact.folder, now)


def remember(root: Path) -> None:
    """Note a folder of studies for ``remembered``."""
    if root.absolute() not in (known := remembered()):
        with contextlib.suppress(OSError):
            write_text(_roots(), json.dumps([str(path) for path in (*known, root.absolute())]) + "\n")


def remembered() -> list[Path]:
    """The folders of studies that were announced, as far as they are still there."""
    try:
        named = [Path(name) for name in parse_json(_roots().read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []
    return [path for path in named if path.is_dir()]


def _roots() -> Path:
    return paths.cache() / "folders.json"
