"""A robustness study at work: one part after the other, each found on disk or computed and kept."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from advmi_core import __version__, data
from advmi_core.device import pick
from advmi_core.evaluation import Accuracy
from advmi_core.evaluation.robust import judged
from advmi_core.experiments.artefact import Arrays, Artefact, has
from advmi_core.experiments.compute import Part, Task, compute
from advmi_core.experiments.executors.executor import Call, Inline, Outcome
from advmi_core.models.folding import folded
from advmi_core.objectives import Classification
from advmi_core.studies.robustness.known import known_answers
from advmi_core.studies.robustness.records import Cell, RobustnessStep
from advmi_core.studies.robustness.results import RobustnessResult
from advmi_core.studies.robustness.spec import RobustnessSpec
from advmi_core.studies.robustness.suite import Column, suite
from advmi_core.studies.robustness.trained_models import TrainedModel

Right = NDArray[np.bool_]
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


class Work:
    """One run of a study: its images, models and artefacts, and what was found so far.

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
        kept = {name: facts[name] for name in ("advmi", "batch", "device")}
        self.artefact = _opened(directory, "robustness", self._spec | kept)
        self._pieces: list[_Piece] = []
        self._answers: dict[Cell, Artefact] = {}
        self._made: dict[str, Artefact] = {}
        for attack, count in self._spec["images"].items():
            column = {"column": self._spec["attacks"][attack]}
            if self._surrogate is not None and column["column"]:
                self._made[attack] = _opened(directory, "transferred", facts | column)
            for (row, seed), subject in self._subjects.items():
                cell = (row, seed, attack)
                weights = {"weights": subject.sha256}
                self._answers[cell] = _opened(directory, "robust", facts | column | weights)
                starts = range(0, count, study.batch)
                self._pieces += [_Piece(cell, at, min(at + study.batch, count)) for at in starts]
        self.total = len(self._pieces)
        self._seen: dict[Cell, dict[int, Right]] = {}
        self._loaded: dict[str, nn.Module] = {}

    @property
    def uses(self) -> list[Artefact]:
        """What holds the parts; other studies may share them."""
        return [*self._answers.values(), *self._made.values()]

    def records(self) -> Generator[RobustnessStep, None, None]:
        """One a piece: what is known, what is on disk, then what has to be computed."""
        known = [piece for piece in self._pieces if piece.stop <= len(self._known.get(piece.cell, ()))]
        for piece in known:
            right = self._known[piece.cell][piece.start : piece.stop]
            yield self._step(Part(piece, {"right": right}, 0.0, reused=True))
        tasks = [self._task(piece) for piece in self._pieces if piece not in known]
        for part in compute(tasks, lambda: Inline(lambda call, _: self._compute(_Piece(**call.settings)))):
            yield self._step(part)

    def _step(self, part: Part[_Piece]) -> RobustnessStep:
        piece, right = part.key, part.arrays["right"]
        self._seen.setdefault(piece.cell, {})[piece.start] = right
        return RobustnessStep(
            sum(map(len, self._seen.values())), self.total, *piece.cell, piece.start, piece.stop,
            Accuracy.of(right), part.seconds, part.reused,
        )  # fmt: skip

    def result(self) -> RobustnessResult:
        """Everything found so far: of each cell the images up to the first that is missing."""
        return RobustnessResult(self._spec, {cell: self._prefix(cell) for cell in self._answers})

    def _prefix(self, cell: Cell) -> Right:
        found, parts = self._seen.get(cell, {}), [np.zeros(0, np.bool_)]
        while (at := sum(map(len, parts))) in found:
            parts.append(found[at])
        return np.concatenate(parts)

    def _task(self, piece: _Piece) -> Task[_Piece]:
        def good(arrays: Arrays) -> bool:
            return has(arrays, np.bool_, {"right": (piece.stop - piece.start,)})

        return Task(piece, self._answers[piece.cell], piece.name, good, lambda: Call(vars(piece)))

    def _compute(self, piece: _Piece) -> Outcome:
        row, seed, attack = piece.cell
        target = self._network(self._subjects[row, seed])
        x, y = self._images.x[piece.start : piece.stop], self._images.y[piece.start : piece.stop]
        began = time.perf_counter()
        if self._surrogate is None:
            right = right_under(self._columns[attack], target, x, y, piece.rows)
        else:
            right = _right(target, x, y)
            for x_adv in self._transferred(piece, x, y) if self._columns[attack] else ():
                right &= _right(target, x_adv, y)
        return Outcome({"right": right}, time.perf_counter() - began)

    def _transferred(self, piece: _Piece, x: Tensor, y: Tensor) -> Tensor:
        """(k,n,C,H,W): x̃ of the column's k attacks, made on the surrogate once and judged by every target."""
        attacks = self._columns[piece.cell[-1]]

        def made(*_: Any) -> Outcome:
            assert self._surrogate is not None  # who calls has looked
            surrogate, began = Classification(self._network(self._surrogate), y), time.perf_counter()
            x_adv = torch.stack([attack(surrogate, x, rows=piece.rows.tolist()).x_adv for attack in attacks])
            return Outcome({"values": x_adv.numpy()}, time.perf_counter() - began)

        def good(arrays: Arrays) -> bool:
            return has(arrays, np.float32, {"values": (len(attacks), *x.shape)})

        task = Task(piece, self._made[piece.cell[-1]], piece.name, good, Call)
        (part,) = compute([task], lambda: Inline(made))
        return torch.from_numpy(part.arrays["values"])

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


def _opened(directory: Path, kind: str, spec: dict[str, Any]) -> Artefact:
    artefact = Artefact(directory, kind, spec)
    artefact.open()
    return artefact
