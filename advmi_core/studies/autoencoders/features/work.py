"""A study of learned features at work: a network retrained, then a classifier on its features."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advmi_core import __version__
from advmi_core.experiments.artefact import Arrays, Artefact, has
from advmi_core.models import Network, default_spec, measure
from advmi_core.models.metrics import main_metric
from advmi_core.objectives import Objective
from advmi_core.studies.autoencoders.features.results import UAE, ProbeResult
from advmi_core.studies.autoencoders.features.spec import ProbeSpec
from advmi_core.studies.autoencoders.images import load
from advmi_core.studies.autoencoders.one_model import TRAIN, ModelWork
from advmi_core.studies.autoencoders.records import ORIGINAL, PROTOCOLS, Record
from advmi_core.studies.autoencoders.training import Training, TrainingProgress


class ProbeTraining(Training):
    """A training whose curve is the network's own loss, whichever it has."""

    def measure(self, x: Tensor) -> float:
        return measure(self.network, x, torch.zeros(len(x), dtype=torch.int64))[main_metric(self.network)]


class ProbeWork(ModelWork):
    """One run of a study; see ``ProbeStudy.run``. Its trainings lie in its own folder."""

    study: ProbeSpec
    training = ProbeTraining

    def __init__(self, study: ProbeSpec, directory: Path, device: torch.device) -> None:
        images = load(study)
        hashes = images.hashes()
        usual = default_spec(study.model, study.dataset).to_dict()
        spec = {"advmi": __version__, **study.spec(), "training": usual}
        spec |= {"images": {"test": hashes.pop("measured"), **hashes}}
        if device.type != "cpu":  # whose trainings differ from a CPU's by far more than rounding
            spec["device"] = device.type
        self.own = Artefact(directory, study.kind, spec)
        self.own.open()
        self.uses: list[Artefact] = []
        super().__init__(study, study.model, images, directory, device, self.uses)

    def artefact(self, row: str) -> Artefact:
        return self.own

    def name(self, row: str, schedule: str, seed: int) -> str:
        return f"{row}-{schedule}-seed{seed}"

    def objective(self, base: Network) -> Objective:
        return self.study.objective(base, self.images.validation.x)

    def good(self, arrays: Arrays) -> bool:
        shapes = {"metrics": (len(self.study.metrics),), "curve": (self.study.epochs,)}
        return has(arrays, np.float64, shapes)

    def measure(self, training: Training, now: TrainingProgress, row: str) -> Arrays:
        network, images = training.network.freeze(), self.images
        values = self.study.probe(network, images.train, images.measured, training.spec.seed)
        return {"metrics": np.asarray(values, np.float64), "curve": np.asarray(now.curve, np.float64)}

    def metrics(self, arrays: Arrays) -> dict[str, float]:
        return dict(zip(self.study.metrics, arrays["metrics"].tolist(), strict=True))

    def done(self, _: Record) -> tuple[int, int]:
        """Trainings and sets of new images, finished and wanted."""
        return self.finished, self.parts

    def result(self) -> ProbeResult:
        """Everything found so far."""
        uaes = self.made.get((UAE, TRAIN))
        cells = {cell: self._cell(*cell) for cell in self.study.cells}
        return ProbeResult(
            spec=self.own.spec,
            metrics=self.study.metrics,
            cells=cells,
            asr=math.nan if uaes is None else uaes.asr,
            used=len(self.positions(UAE)),
            complete=all(np.isfinite(values).all() for values in cells.values()),
            folder=self.own.folder,
        )

    def _cell(self, row: str, protocol: str) -> NDArray[np.float64]:
        schedule = protocol if row == ORIGINAL else PROTOCOLS[1]
        nothing = np.full(len(self.study.metrics), np.nan)
        found = [self.found.get((row, schedule, seed), {}) for seed in self.study.seeds]
        return np.stack([arrays.get("metrics", nothing) for arrays in found])
