"""A sampling study at work: its images in parts, each found on disk or computed and kept."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advmi_core import __version__, data, models
from advmi_core.device import pick
from advmi_core.mi import estimate_mi
from advmi_core.mi.critics import PRESETS
from advmi_core.mi.per_image.patches import PatchPreset
from advmi_core.mi.per_image.sampling import PROJECTIONS, draw_samples, resolve_sampling
from advmi_core.objectives import Classification, Objective, Reconstruction
from advmi_core.parts import Floats, Parts, write_arrays, write_text
from advmi_core.studies.sampling.perturb import describe, perturb
from advmi_core.studies.sampling.pool import in_order
from advmi_core.studies.sampling.results import StudyResult, StudyStep, collect
from advmi_core.studies.sampling.spec import SamplingSpec

PERTURB = "perturb"


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


class SamplingParts:
    """One run of a sampling study: images, model, folder, and the parts seen so far.

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
        self.k = {name: _samples(self.objective, self.x[:1], name) for name in study.samplings}
        self.parts = Parts(directory, "sampling", _spec(study, self.x, network.card["sha256"], device))
        self.parts.open()
        on_cpu = device.type == "cpu"
        self.workers = torch.get_num_threads() if on_cpu else 1
        # A worker has one compute thread: its own time does not count what else the machine is doing.
        self._clock = time.thread_time if on_cpu else time.perf_counter
        self.seen: list[StudyStep] = []
        self.starts = range(0, study.n, study.part)
        self.total = len(self.starts) * (1 + len(study.samplings) * len(study.seeds))

    def _objective(self, rows: slice) -> Objective:
        """What an attack on these images pursues."""
        if isinstance(self._network, models.Autoencoder):
            return Reconstruction(self._network)
        return Classification(self._network, self._y[rows])

    def result(self) -> StudyResult:
        """Everything measured so far."""
        return collect(
            self.parts.spec,
            self.study.samplings,
            self.study.seeds,
            self.study.n,
            self.seen,
            self.parts.folder,
        )

    def steps(self) -> Generator[StudyStep, None, None]:
        """Perturb all images, estimate by every sampling and seed, write the whole result."""
        study = self.study
        yield from self._all([self._piece(PERTURB, study.seed, start) for start in self.starts])
        # One seed after the other: the projection matrices of a seed take 200 MB.
        plan = product(study.seeds, self.starts, study.samplings)
        yield from self._all([self._piece(name, seed, start) for seed, start, name in plan])
        result = self.result()
        write_arrays(self.parts.folder / "result.npz", dict(result.values))
        write_text(self.parts.folder / "summary.json", _json([line.facts() for line in result.table()]))

    def _piece(self, stage: str, seed: int, start: int) -> _Piece:
        return _Piece(stage, seed, start, min(start + self.study.part, self.study.n))

    def _all(self, pieces: list[_Piece]) -> Generator[StudyStep, None, None]:
        with closing(in_order((partial(self._do, piece) for piece in pieces), self.workers)) as done:
            for piece, (values, seconds, reused) in zip(pieces, done, strict=True):
                measured = piece.stage != PERTURB
                step = StudyStep(
                    step=len(self.seen) + 1,
                    total=self.total,
                    stage=piece.stage,
                    seed=piece.seed,
                    rows=np.asarray(piece.rows),
                    values=values if measured else np.zeros(0, np.float32),
                    k=self.k[piece.stage] if measured else 0,
                    seconds=seconds,
                    reused=reused,
                )
                self.seen.append(step)
                yield step

    def _do(self, piece: _Piece) -> tuple[Floats, float, bool]:
        """In a worker: a part's values, its seconds, and whether they were found on disk."""
        images = self.x[piece.start : piece.stop]
        shape = tuple(images.shape) if piece.stage == PERTURB else (len(images),)
        kept = self.parts.read(piece.name, shape)
        if kept is None:
            began = self._clock()
            values = self._compute(piece, images).cpu().numpy()
            seconds = self._clock() - began
            self.parts.write(piece.name, values, seconds)
        else:
            values, seconds = kept
        if piece.stage == PERTURB:
            self.twins[piece.start : piece.stop] = torch.from_numpy(values)
        return values, seconds, kept is not None

    def _compute(self, piece: _Piece, images: Tensor) -> Tensor:
        study = self.study
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
        **asdict(study),
        "device": device.type,
        "perturbed": describe(study.perturbation, study.eps, study.seed),
        "critics": asdict(PRESETS[study.critic]),
        "patch_critics": asdict(PatchPreset()),
        "images": hashlib.sha256(x.numpy().tobytes()).hexdigest(),
        "weights": weights,
    }


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
