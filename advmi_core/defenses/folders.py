"""Folders of finished trainings, each computed once however many processes want it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from filelock import FileLock

from advmi_core import models
from advmi_core.defenses.estimator_spec import Estimated
from advmi_core.defenses.parallel import Ranks
from advmi_core.defenses.records import Epoch
from advmi_core.defenses.trainer import history_file
from advmi_core.experiments.compute import once
from advmi_core.files import parse_json
from advmi_core.models import CheckpointError, Classifier
from advmi_core.run import Run

PAUSE = 0.2
"""Seconds before looking again for what another process computes."""
_CLAIM = "claim.lock"
FoundT = TypeVar("FoundT")
FoundT_co = TypeVar("FoundT_co", covariant=True)
StepT = TypeVar("StepT")
RecordT = TypeVar("RecordT")


class Folder(Protocol[FoundT_co]):
    """A folder that holds a whole training or none."""

    @property
    def path(self) -> Path: ...
    def load(self) -> FoundT_co | None: ...


@dataclass(frozen=True)
class DefenseFolder:
    """What ``train_defense`` has written to ``path``, a classifier of the kind ``model``."""

    path: Path
    model: str

    @property
    def weights(self) -> Path:
        """The file of the weights; its card lies beside it."""
        return self.path / f"{self.model}.safetensors"

    def load(self) -> tuple[Classifier, tuple[Epoch, ...]] | None:
        """The trained model and its epochs; None where they are not there, or damaged."""
        try:
            network = models.load(self.model, weights=self.weights)
            lines = parse_json(history_file(self.path, self.model).read_text(encoding="utf-8"))
            history = tuple(Epoch.from_dict(line) for line in lines)
        except (CheckpointError, OSError, ValueError, TypeError, KeyError):
            return None
        return (network, history) if isinstance(network, Classifier) else None


@dataclass(frozen=True)
class EstimatorFolder:
    """What ``train_estimators`` has written to ``path``."""

    path: Path

    def load(self) -> Estimated | None:
        """The estimators of both stages; None where they are not there, or damaged."""
        try:
            return Estimated.load(self.path)
        except CheckpointError:
            return None


def trained(
    folder: Folder[FoundT], run: Callable[[], Run[StepT, Any]], record: Callable[[StepT | None], RecordT]
) -> Generator[RecordT, None, FoundT]:
    """What lies in a folder; where that is nothing, it is trained first, here or by whoever is at it.

    The claim ends with the process that holds it. Processes that train together (``Ranks``) claim nothing.

    Args:
        folder: of the training.
        run: the training, which fills the folder.
        record: what is yielded for a step of it, and for None while another process is at it.

    Raises:
        ValueError: what was trained cannot be read.
    """
    ranks = Ranks.current()

    def make() -> Generator[RecordT, None, FoundT]:
        with run() as steps:
            for step in steps:
                yield record(step)
        ranks.wait()
        if (found := folder.load()) is None:
            raise ValueError(f"what was trained in {folder.path} cannot be read")
        return found

    return (yield from once(lambda: _claim(folder.path, ranks), folder.load, make, record(None)))


def _claim(folder: Path, ranks: Ranks) -> AbstractContextManager[object]:
    if ranks.size > 1:
        return nullcontext()
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / _CLAIM, thread_local=False).acquire(timeout=0)
