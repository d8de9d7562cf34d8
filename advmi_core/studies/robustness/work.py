"""A robustness study at work: one part after the other, each found on disk or computed and kept."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from torch import Tensor, nn

from advmi_core import __version__, data
from advmi_core.device import pick
from advmi_core.evaluation import Accuracy
from advmi_core.evaluation.robust import judged
from advmi_core.models.folding import folded
from advmi_core.objectives import Classification
from advmi_core.parts import Parts, read_arrays
from advmi_core.studies.robustness.known import known_answers
from advmi_core.studies.robustness.records import Cell, RobustnessStep
from advmi_core.studies.robustness.results import RobustnessResult
from advmi_core.studies.robustness.spec import RobustnessSpec
from advmi_core.studies.robustness.suite import Column, suite
from advmi_core.studies.robustness.trained_models import TrainedModel

Right = NDArray[np.bool_]
_PAUSE = 0.2  # seconds before looking again for what another process computes
_ATTACK = "attack"


@dataclass(frozen=True)
class _Piece:
    """Images start…stop−1 of a cell."""

    cell: Cell
    start: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.start:06d}-{self.stop:06d}"

    @property
    def rows(self) -> NDArray[np.int64]:
        return np.arange(self.start, self.stop)


@dataclass(frozen=True, eq=False)
class _Done:
    """Whether the model was right on each of a piece's images."""

    right: Right
    seconds: float
    reused: bool


class Work:
    """One run of a study: its images, models and parts, and what was seen so far.

    Args and errors: see ``RobustnessStudy.run``.
    """

    def __init__(self, study: RobustnessSpec, directory: Path, earlier: RobustnessResult | None) -> None:
        self._subjects, self._surrogate = study.subjects, study.surrogate_subject
        split = data.load(study.dataset, "test")
        self._images, self._device = split.first(study.n), pick(study.device)
        self._columns = suite(study.radius(), study.norm)
        self._spec = {**study.spec(), "digest": split.digest()}
        self._known = known_answers(self._spec, earlier)
        facts = {
            "advmi": __version__,
            "images": self._spec["digest"],
            "surrogate": None if self._surrogate is None else self._surrogate.sha256,
            "batch": study.batch,
            "device": self._device.type,
        }
        self._pieces: list[_Piece] = []
        self._parts: dict[Cell, Parts] = {}
        self._made: dict[str, Parts] = {}
        for attack, count in self._spec["images"].items():
            column = {"column": self._spec["attacks"][attack]}
            if self._surrogate is not None and column["column"]:
                self._made[attack] = Parts(directory, "transferred", facts | column)
                self._made[attack].open()
            for (row, seed), subject in self._subjects.items():
                cell = (row, seed, attack)
                self._parts[cell] = Parts(directory, "robust", facts | column | {"weights": subject.sha256})
                self._parts[cell].open()
                starts = range(0, count, study.batch)
                self._pieces += [_Piece(cell, at, min(at + study.batch, count)) for at in starts]
        self.total = len(self._pieces)
        self._seen: dict[Cell, dict[int, Right]] = {}
        self._loaded: dict[str, nn.Module] = {}

    def records(self) -> Generator[RobustnessStep, None, None]:
        """One a piece; what another process is at is left to it and read when it is done."""
        waiting, step, passed = deque(self._pieces), 0, 0
        while waiting:
            piece = waiting.popleft()
            done = self._read(piece) or self._claim(piece)
            if done is None:
                waiting.append(piece)
                passed += 1
                if passed >= len(waiting):
                    time.sleep(_PAUSE)
                    passed = 0
                continue
            step, passed = step + 1, 0
            self._seen.setdefault(piece.cell, {})[piece.start] = done.right
            yield RobustnessStep(
                step, self.total, *piece.cell, piece.start, piece.stop,
                Accuracy.of(done.right), done.seconds, done.reused,
            )  # fmt: skip

    def result(self) -> RobustnessResult:
        """Everything seen so far: of each cell the images up to the first that is missing."""
        return RobustnessResult(self._spec, {cell: self._prefix(cell) for cell in self._parts})

    def _prefix(self, cell: Cell) -> Right:
        found, parts = self._seen.get(cell, {}), [np.zeros(0, np.bool_)]
        while (at := sum(map(len, parts))) in found:
            parts.append(found[at])
        return np.concatenate(parts)

    def _read(self, piece: _Piece) -> _Done | None:
        known = self._known.get(piece.cell, np.zeros(0, np.bool_))
        if piece.stop <= len(known):
            return _Done(known[piece.start : piece.stop], 0.0, True)
        parts = self._parts[piece.cell]
        right = (read_arrays(parts.part(piece.name)) or {}).get("right")
        if right is None or right.dtype != np.bool_ or right.shape != (piece.stop - piece.start,):
            return None
        return _Done(right, parts.seconds(piece.name), True)

    def _claim(self, piece: _Piece) -> _Done | None:
        """Compute a piece unless another process does; the claim ends with the process that holds it."""
        try:
            with FileLock(_lock(self._parts[piece.cell], piece), timeout=0):
                return self._read(piece) or self._compute(piece)
        except Timeout:
            return None

    def _compute(self, piece: _Piece) -> _Done:
        row, seed, attack = piece.cell
        target = self._network(self._subjects[row, seed])
        x, y = self._images.x[piece.start : piece.stop], self._images.y[piece.start : piece.stop]
        began = time.perf_counter()
        if self._surrogate is None:
            right = right_under(self._columns[attack], target, x, y, piece.rows)
        else:
            right = _right(target, x, y)
            for x_adv in self._transferred(piece, x, y):
                right &= _right(target, x_adv, y)
        seconds = time.perf_counter() - began
        self._parts[piece.cell].write_arrays(piece.name, {"right": right}, seconds)
        return _Done(right, seconds, False)

    def _transferred(self, piece: _Piece, x: Tensor, y: Tensor) -> Tensor:
        """(k,n,C,H,W): x̃ of the column's k attacks, made on the surrogate once and judged by every target."""
        attacks = self._columns[piece.cell[-1]]
        shape = (len(attacks), *x.shape)
        if not attacks:
            return x.new_zeros(shape)
        assert self._surrogate is not None  # who calls has looked
        parts = self._made[piece.cell[-1]]
        with FileLock(_lock(parts, piece)):
            found = parts.read(piece.name, shape)
            if found is not None:
                return torch.from_numpy(found[0])
            surrogate, began = Classification(self._network(self._surrogate), y), time.perf_counter()
            x_adv = torch.stack([attack(surrogate, x, rows=piece.rows.tolist()).x_adv for attack in attacks])
            parts.write(piece.name, x_adv.numpy(), time.perf_counter() - began)
        return x_adv

    def _network(self, subject: TrainedModel) -> nn.Module:
        """Loaded once as long as the pieces are of the same model; folded, as nothing here trains."""
        if subject.sha256 not in self._loaded:
            keep = {} if self._surrogate is None else {self._surrogate.sha256}
            self._loaded = {key: network for key, network in self._loaded.items() if key in keep}
            self._loaded[subject.sha256] = folded(subject.load(str(self._device)))
        return self._loaded[subject.sha256]


def right_under(column: Column, network: nn.Module, x: Tensor, y: Tensor, rows: NDArray[np.int64]) -> Right:
    """(n,) bool: the network is right on x and on every x̃ that the column's attacks make on it.

    Args:
        column: attacks in turn, each on the images that are still right; () tells of x alone.
        network: logits (B,classes).
        x, y: (n,C,H,W) images in [0,1] and (n,) labels.
        rows: (n,) row ids, which seed the images' random streams.
    """
    right = _right(network, x, y)
    for attack in column:
        left = right.nonzero()[0]
        if not len(left):
            break
        run = judged(
            network, network, x[left], y[left], {_ATTACK: attack}, batch=len(left), rows=rows[left].tolist()
        )
        right[left] = run.drain().right[_ATTACK]
    return right


def _right(network: nn.Module, x: Tensor, y: Tensor) -> Right:
    right: Right = Classification(network, y).on(x).correct.cpu().numpy()
    return right


def _lock(parts: Parts, piece: _Piece) -> Path:
    path = parts.folder / "locks" / f"{piece.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
