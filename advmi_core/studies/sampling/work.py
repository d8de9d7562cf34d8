"""A sampling study at work: its images in parts, each found on disk or computed and kept."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advmi_core import __version__, data, models
from advmi_core.device import pick
from advmi_core.experiments.artefact import Artefact, has, write_arrays
from advmi_core.experiments.compute import Part, Task, compute
from advmi_core.experiments.executors.executor import Call, Executor, Outcome, Pooled, Threads
from advmi_core.experiments.store import RESULT
from advmi_core.files import write_text
from advmi_core.mi import estimate_mi
from advmi_core.mi.critics import PRESETS
from advmi_core.mi.per_image.patches import PatchPreset
from advmi_core.mi.per_image.sampling import PROJECTIONS, draw_samples, resolve_sampling
from advmi_core.objectives import Classification, Objective, Reconstruction
from advmi_core.studies.sampling.perturb import describe, perturb
from advmi_core.studies.sampling.results import PERTURB, StudyResult, StudyStep
from advmi_core.studies.sampling.spec import SamplingSpec


@dataclass(frozen=True)
class _Piece:
    """Some images at one stage: ``PERTURB`` or a sampling."""

    stage: str
    seed: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.stage}-seed{self.seed}-{self.start:06d}"

    @property
    def rows(self) -> range:
        return range(self.start, self.stop)


class SamplingWork:
    """One run of a sampling study: images, model, artefact, and what was found so far.

    Args and errors: see ``SamplingStudy.run``.
    """

    def __init__(self, study: SamplingSpec, directory: Path) -> None:
        device = pick(study.device)
        network = models.load(study.model, dataset=study.dataset, device=str(device))
        chosen = data.load(study.dataset, split=study.split, shape=network.in_shape, limit=study.n).first(
            study.n
        )
        self.study, self.x, self.twins = study, chosen.x, torch.empty_like(chosen.x)
        self._network, self._y = network, models.labels_for(network, chosen)[0]
        self.objective = self._objective(slice(None))
        self._k = {name: _samples(self.objective, self.x[:1], name) for name in study.samplings}
        self.artefact = Artefact(directory, "sampling", _spec(study, self.x, network.card["sha256"], device))
        self.artefact.open()
        on_cpu = device.type == "cpu"
        self._workers = torch.get_num_threads() if on_cpu else 1
        # A worker has one compute thread: its own time does not count what else the machine is doing.
        self._clock = time.thread_time if on_cpu else time.perf_counter
        self._starts = range(0, study.n, study.part)
        self.total = len(self._starts) * (1 + len(study.samplings) * len(study.seeds))
        self._done, self._loaded = 0, True
        empty = np.full((len(study.seeds), study.n), np.nan, np.float32)
        self._values = {name: empty.copy() for name in study.samplings}
        self._spent = dict.fromkeys(study.samplings, (0.0, 0))

    def _objective(self, rows: slice) -> Objective:
        """What an attack on these images pursues."""
        if isinstance(self._network, models.Autoencoder):
            return Reconstruction(self._network)
        return Classification(self._network, self._y[rows])

    def result(self) -> StudyResult:
        """Everything measured so far."""
        return StudyResult(
            spec=self.artefact.spec,
            seeds=self.study.seeds,
            values={name: values.copy() for name, values in self._values.items()},
            k=dict(self._k),
            seconds={name: s / images if images else math.nan for name, (s, images) in self._spent.items()},
            folder=self.artefact.folder,
            loaded=self._loaded,
        )

    def steps(self) -> Generator[StudyStep, None, None]:
        """Perturb all images, estimate by every sampling and seed, write the whole result."""
        study = self.study
        for part in self._all([self._piece(PERTURB, study.seed, start) for start in self._starts]):
            self.twins[part.key.start : part.key.stop] = torch.from_numpy(part.arrays["values"])
            yield self._step(part)
        # One seed after the other: the projection matrices of a seed take 200 MB.
        plan = product(study.seeds, self._starts, study.samplings)
        for part in self._all([self._piece(name, seed, start) for seed, start, name in plan]):
            self._take(part)
            yield self._step(part)
        result = self.result()
        write_arrays(self.artefact.folder / RESULT, dict(result.values))
        facts = json.dumps([line.facts() for line in result.table()], indent=2, ensure_ascii=False)
        write_text(self.artefact.folder / "summary.json", facts + "\n")

    def _piece(self, stage: str, seed: int, start: int) -> _Piece:
        return _Piece(stage, seed, start, min(start + self.study.part, self.study.n))

    def _all(self, pieces: list[_Piece]) -> Generator[Part[_Piece], None, None]:
        def work(call: Call, stopped: Callable[[], bool]) -> Outcome:
            began = self._clock()
            values = self._compute(_Piece(**call.settings)).cpu().numpy()
            return Outcome({"values": values}, self._clock() - began)

        def executor() -> Executor:
            return Pooled(Threads(work, self._workers))

        yield from compute([self._task(piece) for piece in pieces], executor)

    def _task(self, piece: _Piece) -> Task[_Piece]:
        shape = (len(piece.rows), *(self.x.shape[1:] if piece.stage == PERTURB else ()))
        return Task(
            piece,
            self.artefact,
            piece.name,
            good=lambda arrays: has(arrays, np.float32, {"values": shape}),
            call=lambda: Call(vars(piece)),
        )

    def _take(self, part: Part[_Piece]) -> None:
        piece = part.key
        self._values[piece.stage][self.study.seeds.index(piece.seed), piece.rows] = part.arrays["values"]
        if math.isfinite(part.seconds):
            seconds, images = self._spent[piece.stage]
            self._spent[piece.stage] = seconds + part.seconds, images + len(piece.rows)

    def _step(self, part: Part[_Piece]) -> StudyStep:
        self._done += 1
        self._loaded &= part.reused
        piece = part.key
        return StudyStep(
            self._done, self.total, piece.stage, piece.seed, piece.start, part.seconds, part.reused
        )

    def _compute(self, piece: _Piece) -> Tensor:
        study, images = self.study, self.x[piece.start : piece.stop]
        if piece.stage == PERTURB:
            objective = self._objective(slice(piece.start, piece.stop))
            return perturb(
                objective, images, kind=study.perturbation, eps=study.eps, seed=piece.seed, rows=piece.rows
            )
        return estimate_mi(
            self.objective,
            images,
            self.twins[piece.start : piece.stop],
            seed=piece.seed,
            sampling=piece.stage,
            critic=study.critic,
            steps=study.steps,
            rows=piece.rows,
        )


def _samples(objective: Objective, x: Tensor, sampling: str) -> int:
    """The number K of samples of one image (1,C,H,W); ValueError where the model has none of the kind."""
    resolve_sampling(objective, sampling)
    if sampling == "random":
        return PROJECTIONS  # known without drawing 200 MB of matrices
    with torch.no_grad():
        return draw_samples(objective, x.to(objective.device), sampling, 0).shape[1]


def _spec(study: SamplingSpec, x: Tensor, weights: str, device: torch.device) -> dict[str, Any]:
    """Everything that the numbers depend on."""
    return {
        "study": "sampling",
        "advmi": __version__,
        **study.spec(),
        "device": device.type,
        "perturbed": describe(study.perturbation, study.eps, study.seed),
        "critics": asdict(PRESETS[study.critic]),
        "patch_critics": asdict(PatchPreset()),
        "images": hashlib.sha256(x.numpy().tobytes()).hexdigest(),
        "weights": weights,
    }
