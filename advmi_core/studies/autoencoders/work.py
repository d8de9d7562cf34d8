"""A retraining study at work: one autoencoder after the other, and what was found so far."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from advmi_core import __version__
from advmi_core.device import pick
from advmi_core.experiments.artefact import Arrays, Artefact, Floats, has
from advmi_core.models import Autoencoder, Network, default_spec
from advmi_core.objectives import Objective, Reconstruction
from advmi_core.studies.autoencoders import stored
from advmi_core.studies.autoencoders.images import Images, load
from advmi_core.studies.autoencoders.one_model import TEST, TRAIN, ModelWork
from advmi_core.studies.autoencoders.records import NOISES, ORIGINAL, PROTOCOLS, Record
from advmi_core.studies.autoencoders.results import Cell, Examples, Retrained, RetrainingResult
from advmi_core.studies.autoencoders.spec import RetrainingSpec
from advmi_core.studies.autoencoders.training import Training, TrainingProgress, per_image_loss, rebuilt

SHOWN = 16
_LENGTHS = ("l2", "start_l2", "moved_l2")


class AutoencoderWork(ModelWork):
    """One autoencoder: its trainings lie in a folder for each row, which studies with the same share."""

    study: RetrainingSpec

    def __init__(
        self, study: RetrainingSpec, model: str, images: Images, directory: Path, uses: list[Artefact]
    ) -> None:
        device, tested = pick(study.device), images.measured.x[: study.asr_images]
        super().__init__(study, model, images, directory, device, uses, tested)
        self._shown: dict[str, Examples] = {}
        self._artefacts = {
            row: Artefact(directory, f"retrain-{model}-{row}", self._spec(row))
            for row in (ORIGINAL, *self._rows)
        }
        for artefact in self._artefacts.values():
            artefact.open()
            uses.append(artefact)

    def _spec(self, row: str) -> dict[str, Any]:
        """Everything that a training depends on beside its seed and schedule."""
        study, model = self.study, self.model
        training = default_spec(model, study.dataset).to_dict() | {"batch": study.batch}
        training["epochs"] = study.epochs_of(model)
        del training["seed"]
        spec = {
            "advmi": __version__, "training": training, "images": self.images.hashes(),
            "device": self._device.type, "fooled": study.fooled, "row": row,
        }  # fmt: skip
        if row == ORIGINAL:
            return spec
        noise = row in NOISES
        return spec | {
            "base_seed": study.seeds[0],
            "targets": study.target(row),
            "share": study.share,
            "only_successful": study.only_successful,
            "as_long_as": study.matched if noise else None,
            "length": study.length(row, model),
            "made": study.augmentation(study.matched or row if noise else row, model).spec(),
        }

    def artefact(self, row: str) -> Artefact:
        return self._artefacts[row]

    def name(self, row: str, schedule: str, seed: int) -> str:
        return f"{schedule}-seed{seed}"

    def objective(self, base: Network) -> Objective:
        return Reconstruction(base)

    def good(self, arrays: Arrays) -> bool:
        images, epochs = len(self.images.measured), self.study.epochs_of(self.model)
        shapes = {"loss": (), "curve": (epochs,), "losses": (images,)}
        shapes |= {"kept": (min(self.study.fooled, images),)}
        return has(arrays, np.float32, shapes) and {"after", "after_adv"} <= arrays.keys()

    def measure(self, training: Training, now: TrainingProgress, row: str) -> Arrays:
        network = training.network
        return {
            "loss": np.asarray(now.loss, np.float32),
            "curve": np.asarray(now.curve, np.float32),
            "losses": per_image_loss(network, self.images.measured.x),
            "kept": self._kept(network),
            "after": rebuilt(network, self.images.train.x[:SHOWN]).numpy(),
            "after_adv": rebuilt(network, self._first(row)).numpy(),
        }

    def metrics(self, arrays: Arrays) -> dict[str, float]:
        return {"mse": float(arrays["losses"].astype(np.float64).mean()), "kept": _mean(arrays["kept"])}

    def _kept(self, network: Autoencoder) -> Floats:
        """(K,) what new UAEs of the first measured images keep when the solver attacks a trained network."""
        x = self.images.measured.x[: self.study.fooled]
        if not len(x):
            return np.empty(0, np.float32)
        found = self.study.solver()(Reconstruction(network.freeze()), x)
        kept: Floats = torch.where(found.success, found.kept, torch.nan).numpy().astype(np.float32)
        return kept

    def shown(self) -> dict[str, Examples]:
        """Row → the first images before and after the first seed's training on it."""
        x = self.images.train.x[:SHOWN]
        for row in self.study.rows:
            arrays = self.found.get((row, PROTOCOLS[1], self.study.seeds[0]), {})
            if "after" in arrays and row not in self._shown:
                x_adv, base = self._first(row), cast(Autoencoder, self.base)
                before, before_adv = (rebuilt(base, images).numpy() for images in (x, x_adv))
                self._shown[row] = Examples(
                    x.numpy(), x_adv.numpy(), before, before_adv, arrays["after"], arrays["after_adv"]
                )
        return dict(self._shown)

    def _first(self, row: str) -> Tensor:
        """The first new images of a row; of the original, the images themselves."""
        made = self.made.get((row, TRAIN))
        return self.images.train.x[:SHOWN] if made is None else made.x_adv[:SHOWN]

    def cell(self, row: str, protocol: str) -> Retrained:
        """The trainings on a row under a protocol, as far as they are there; the rest is NaN."""
        seeds, epochs = self.study.seeds, self.study.epochs_of(self.model)
        schedule = protocol if row == ORIGINAL else PROTOCOLS[1]
        losses = np.full((len(seeds), len(self.images.measured)), np.nan, np.float32)
        curves = np.full((len(seeds), epochs), np.nan, np.float32)
        kept = np.full(len(seeds), np.nan)
        for at, seed in enumerate(seeds):
            arrays = self.found.get((row, schedule, seed), {})
            if "curve" in arrays:
                curves[at, : len(arrays["curve"])] = arrays["curve"]
            if "losses" in arrays:
                losses[at], kept[at] = arrays["losses"], _mean(arrays["kept"])
        train, test = (self.made.get((row, split)) for split in (TRAIN, TEST))
        lengths = {name: float(getattr(train, name).mean()) for name in _LENGTHS} if train else {}
        return Retrained(
            losses=losses,
            curves=curves,
            kept=kept,
            asr_train=math.nan if train is None else train.asr,
            asr_test=math.nan if test is None else test.asr,
            used=len(self.positions(row)),
            **lengths,
        )


def _mean(kept: Floats) -> float:
    """Of those that are there; NaN where none is."""
    there = kept[np.isfinite(kept)].astype(np.float64)
    return float(there.mean()) if len(there) else math.nan


class RetrainingWork:
    """One run of a study. Args and errors: see ``RetrainingStudy.run``.

    Attributes:
        artefact: the study's own folder, where its result is stored.
        uses: what keeps the parts.
        total: gradient steps and new images.
    """

    def __init__(self, study: RetrainingSpec, directory: Path) -> None:
        images = load(study, study.measured)
        self.study = study
        self.uses: list[Artefact] = []
        self.models = [AutoencoderWork(study, model, images, directory, self.uses) for model in study.models]
        facts = {"advmi": __version__, "images": images.hashes(), "device": pick(study.device).type}
        self.artefact = Artefact(directory, "retraining", study.spec() | facts)
        self.artefact.open()
        self.total = sum(work.total for work in self.models)

    def records(self) -> Generator[Record, None, None]:
        """Every model's records, counted in units of the whole study; at the end the result is stored."""
        before = 0
        for work in self.models:
            for record in work.records():
                yield replace(record, step=before + record.step, total=self.total)
            before += work.total
        stored.save(self.result(), self.artefact.folder, "result")

    def done(self, _: Record) -> tuple[int, int]:
        """Trainings and sets of new images, finished and wanted."""
        return sum(work.finished for work in self.models), sum(work.parts for work in self.models)

    def result(self) -> RetrainingResult:
        """Everything found so far."""
        works = {work.model: work for work in self.models}
        cells: dict[Cell, Retrained] = {
            (model, row, protocol): works[model].cell(row, protocol)
            for model, row, protocol in self.study.cells
        }
        return RetrainingResult(
            spec=self.study.spec(),
            cells=cells,
            complete=all(np.isfinite(found.means).all() for found in cells.values()),
            folder=self.artefact.folder,
            loaded=all(work.loaded for work in self.models),
            base={
                model: cast(Autoencoder, work.base) for model, work in works.items() if work.base is not None
            },
            made={
                (model, row): made
                for model, work in works.items()
                for (row, split), made in work.made.items()
                if split == TRAIN
            },
            shown={
                (model, row): shown for model, work in works.items() for row, shown in work.shown().items()
            },
        )
