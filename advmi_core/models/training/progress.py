"""Progress of a training, kept in one file so that a killed training can go on."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from advmi_core.files import parse_json, write_atomically
from advmi_core.models.checkpoints import CheckpointError
from advmi_core.models.training.spec import Spec
from advmi_core.models.training.splits import Splits

_BEST = "best/"
_NOW = "now/"


@dataclass
class Progress:
    """Where a training stands.

    Attributes:
        step: gradient steps done.
        losses: what each step of the epoch in progress has told.
        history: what the validation of each finished epoch has told, as JSON values.
        best_value: the best epoch's value so far, reached after epoch ``best_epoch`` (0: none yet).
        best: the weights of that epoch; empty if there is none yet.
    """

    step: int = 0
    losses: list[list[float]] = field(default_factory=list)
    history: list[Any] = field(default_factory=list)
    best_value: float = math.nan
    best_epoch: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)


class ProgressFile:
    """The progress of one training, found again by its spec and data.

    Args:
        folder: where it lies.
        spec: the training's parameters.
        splits: the training's images.
        more: whatever else the training depends on, in words.
        writes: whether this process writes it; of several that train together, one does.
    """

    def __init__(
        self, folder: Path, spec: Spec, splits: Splits, more: str = "", *, writes: bool = True
    ) -> None:
        self.writes = writes
        self.path = folder / f"{spec.model}-{_digest(spec, splits, more)}.progress"

    def write(self, progress: Progress, tensors: dict[str, Tensor]) -> None:
        """Keep the progress and the learner's state, in one file that is whole or not there."""
        if not self.writes:
            return
        facts = {key: value for key, value in vars(progress).items() if key != "best"}
        both = {_NOW + key: value for key, value in tensors.items()}
        both |= {_BEST + key: value for key, value in progress.best.items()}
        metadata = {"progress": json.dumps(facts)}
        write_atomically(self.path, lambda temporary: _save(both, temporary, metadata))

    def read(self) -> tuple[Progress, dict[str, Tensor]] | None:
        """The kept progress and learner's state, None if there is none.

        Raises:
            CheckpointError: the file is damaged.
        """
        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                facts = parse_json(file.metadata()["progress"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
            best = {key.removeprefix(_BEST): t for key, t in tensors.items() if key.startswith(_BEST)}
            now = {key.removeprefix(_NOW): t for key, t in tensors.items() if key.startswith(_NOW)}
            return Progress(**facts, best=best), now
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{self.path.name} is damaged, delete it to train from the start: {error}"
            ) from error

    def remove(self) -> None:
        """The training has ended."""
        if self.writes:
            self.path.unlink(missing_ok=True)


def _save(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write a safetensors file; what the system refuses is an OSError, as of every other writer."""
    try:
        save_file(tensors, path, metadata)
    except SafetensorError as error:
        found = re.search(r"os error (\d+)", str(error))
        number = int(found.group(1)) if found else errno.EIO
        raise OSError(number, os.strerror(number)) from error


def _digest(spec: Spec, splits: Splits, more: str) -> str:
    digest = hashlib.sha256((json.dumps(spec.to_dict(), sort_keys=True) + more).encode())
    for tensor in (splits.train_x, splits.train_y, splits.validation_x, splits.validation_y):
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]
