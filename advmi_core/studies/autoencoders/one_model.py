"""One model of a study: its base, its new images, and its trainings, each found on disk or computed."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from advmi_core.models import Autoencoder
from advmi_core.objectives import Reconstruction
from advmi_core.parts import Floats
from advmi_core.studies.autoencoders.cost import making_cost, training_cost
from advmi_core.studies.autoencoders.images import Images, lesson
from advmi_core.studies.autoencoders.new_images import NewImages
from advmi_core.studies.autoencoders.records import ORIGINAL, PROTOCOLS, ROWS, Record, RetrainStep
from advmi_core.studies.autoencoders.results import Examples
from advmi_core.studies.autoencoders.spec import RetrainingSpec
from advmi_core.studies.autoencoders.training import Training, one_thread, per_image_loss, rebuilt
from advmi_core.studies.autoencoders.training_store import Outcome, Shelf, state

SHOWN = 16
_NONE: Floats = np.empty(0, np.float32)
_EPOCHS, _STEPS = PROTOCOLS


@dataclass(frozen=True)
class _Plan:
    """One training: its row, the protocol that says how many steps, its seed, and the new images it gets."""

    row: str
    schedule: str
    seed: int
    steps: int
    positions: Tensor

    @property
    def name(self) -> str:
        return f"{self.schedule}-seed{self.seed}"

    @property
    def used(self) -> int:
        return len(self.positions)


class ModelWork:
    """All that the study wants of one model.

    Args:
        study: what is wanted.
        model: its name.
        images: the study's images.
        directory: where the folders lie.
        device: where to compute.

    Attributes:
        total: units of work.
        base: the network that new images are made for, as soon as there is one.
        made: row → its new images, as soon as all of them are there.
        shown: row → examples.
    """

    def __init__(
        self, study: RetrainingSpec, model: str, images: Images, directory: Path, device: torch.device
    ) -> None:
        self.study, self.model, self.images = study, model, images
        self._device = device
        self._rows = [row for row in ROWS if row in study.rows and row != ORIGINAL]
        self._shelves = {
            row: Shelf(study, model, row, images, directory, device.type) for row in (ORIGINAL, *self._rows)
        }
        self._tested = images.measured[: study.asr_images]
        self.base: Autoencoder | None = None
        self._new = NewImages(study, model, directory)
        self.made = self._new.made
        self.shown: dict[str, Examples] = {}
        self._done = 0
        self.total = self._work()

    def _work(self) -> int:
        study, model = self.study, self.model
        short, long = (training_cost(model, study.gradient_steps(model, name)) for name in PROTOCOLS)
        originals = len(study.seeds) * (short + long) if ORIGINAL in study.rows else short
        making = sum(
            making_cost(study, model, row, count)
            for row in self._rows
            for count in (study.n, len(self._tested))
        )
        return originals + making + len(study.seeds) * len(self._rows) * long

    def records(self) -> Generator[Record, None, None]:
        """Everything for the first seed, then the other seeds, then new images of the measured images."""
        first, *others = self.study.seeds
        base = yield from self._train(ORIGINAL, _EPOCHS, first)
        self.base = self._shelves[ORIGINAL].network(base).to(self._device)
        if ORIGINAL in self.study.rows:
            yield from self._train(ORIGINAL, _STEPS, first)
        for row in self._rows:
            yield from self._make(row, "train", self.images.x)
            yield from self._train(row, _STEPS, first)
        for seed in others:
            if ORIGINAL in self.study.rows:
                yield from self._train(ORIGINAL, _EPOCHS, seed)
                yield from self._train(ORIGINAL, _STEPS, seed)
            for row in self._rows:
                yield from self._train(row, _STEPS, seed)
        for row in self._rows if len(self._tested) else ():
            yield from self._make(row, "test", self._tested)

    def _make(self, row: str, split: str, x: Tensor) -> Generator[Record, None, None]:
        """A row's new images of x, all of them."""
        assert self.base is not None  # it is trained before anything else
        began, cost = self._done, making_cost(self.study, self.model, row, len(x))
        for record in self._new.make(self.base, row, split, x):
            self._done = began + cost * record.done // record.count
            yield replace(record, step=self._done, total=self.total)

    def _train(self, row: str, schedule: str, seed: int) -> Generator[Record, None, Outcome]:
        """One training; its last record holds what was measured."""
        plan = self._plan(row, schedule, seed)
        began = self._done
        outcome = self._shelves[row].read(plan.name, weights=self._is_base(plan))
        reused = outcome is not None
        if outcome is None:
            outcome = yield from self._learn(plan)
        self._done = began + training_cost(self.model, plan.steps)
        self._show(plan, outcome)
        yield self._record(plan, outcome.curve, outcome.loss, outcome, reused=reused)
        return outcome

    def _plan(self, row: str, schedule: str, seed: int) -> _Plan:
        steps = self.study.gradient_steps(self.model, schedule)
        positions = self._new.positions(row)
        return _Plan(row, schedule, seed, steps, positions)

    def _is_base(self, plan: _Plan) -> bool:
        return (plan.row, plan.schedule, plan.seed) == (ORIGINAL, _EPOCHS, self.study.seeds[0])

    def _learn(self, plan: _Plan) -> Generator[Record, None, Outcome]:
        """Train, measure, and keep the outcome."""
        clock, began = time.perf_counter(), self._done
        training = Training(
            self.model,
            lesson(self.images, self.made.get(plan.row), plan.positions, self.study.target(plan.row)),
            seed=plan.seed,
            epochs=self.study.epochs_of(self.model),
            steps=plan.steps,
            batch=self.study.batch,
            device=self._device,
        )
        for moment in training.records():
            self._done = began + training_cost(self.model, moment.step)
            curve = np.asarray(moment.curve, np.float32)
            if moment.step < plan.steps:
                yield self._record(plan, curve, moment.loss, epoch=moment.epoch)
        with one_thread():
            outcome = self._measure(training.network, plan, moment.loss, curve)
        self._shelves[plan.row].write(plan.name, outcome, time.perf_counter() - clock)
        return outcome

    def _measure(self, network: Autoencoder, plan: _Plan, loss: float, curve: Floats) -> Outcome:
        x, x_adv = self._first(plan.row)
        return Outcome(
            loss=loss,
            curve=curve,
            losses=per_image_loss(network, self.images.measured),
            kept=self._kept(network),
            after=rebuilt(network, x).numpy(),
            after_adv=rebuilt(network, x_adv).numpy(),
            weights=state(network) if self._is_base(plan) else {},
        )

    def _kept(self, network: Autoencoder) -> Floats:
        """(K,) what new UAEs of the first measured images keep when the solver attacks a trained network."""
        x = self.images.measured[: self.study.fooled]
        if not len(x):
            return _NONE
        found = self.study.solver()(Reconstruction(network.freeze()), x)
        kept: Floats = torch.where(found.success, found.kept, torch.nan).numpy().astype(np.float32)
        return kept

    def _first(self, row: str) -> tuple[Tensor, Tensor]:
        """The first originals and their new images."""
        x = self.images.x[:SHOWN]
        return x, self.made[row].x_adv[:SHOWN] if row in self.made else x

    def _show(self, plan: _Plan, outcome: Outcome) -> None:
        if self.base is None or plan.seed != self.study.seeds[0]:
            return
        x, x_adv = self._first(plan.row)
        before, before_adv = (rebuilt(self.base, images).numpy() for images in (x, x_adv))
        self.shown[plan.row] = Examples(
            x.numpy(), x_adv.numpy(), before, before_adv, outcome.after, outcome.after_adv
        )

    def _record(
        self,
        plan: _Plan,
        curve: Floats,
        loss: float,
        outcome: Outcome | None = None,
        *,
        epoch: int | None = None,
        reused: bool = False,
    ) -> RetrainStep:
        epochs = self.study.epochs_of(self.model)
        served = (plan.schedule,) if plan.row == ORIGINAL else PROTOCOLS
        return RetrainStep(
            step=self._done,
            total=self.total,
            model=self.model,
            row=plan.row,
            protocols=served if plan.row in self.study.rows else (),
            seed=plan.seed,
            epoch=epochs if epoch is None else epoch,
            epochs=epochs,
            loss=loss,
            validation=float(curve[-1]) if len(curve) else math.nan,
            curve=curve,
            losses=_NONE if outcome is None else outcome.losses,
            kept=_NONE if outcome is None else outcome.kept,
            used=plan.used,
            reused=reused,
        )
