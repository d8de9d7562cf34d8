"""A retraining study at work: one model after the other."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from advmi_core.device import pick
from advmi_core.parts import digest
from advmi_core.studies.autoencoders import stored
from advmi_core.studies.autoencoders.accumulator import Accumulator
from advmi_core.studies.autoencoders.images import load
from advmi_core.studies.autoencoders.one_model import ModelWork
from advmi_core.studies.autoencoders.records import Record
from advmi_core.studies.autoencoders.results import RetrainingResult
from advmi_core.studies.autoencoders.spec import RetrainingSpec


class Work:
    """One run of a study: its models' work, and what was said so far.

    Args and errors: see ``RetrainingStudy.run``.
    """

    def __init__(self, study: RetrainingSpec, directory: Path) -> None:
        images, device = load(study), pick(study.device)
        self._models = [ModelWork(study, model, images, directory, device) for model in study.models]
        text = json.dumps(study.spec(), sort_keys=True, ensure_ascii=False)
        self._seen, self._folder = Accumulator(study), directory / f"retraining-{digest(text)}"
        self.total = sum(work.total for work in self._models)

    def records(self) -> Generator[Record, None, None]:
        """Every model's records, counted in units of the whole study; at the end the result is stored."""
        before = 0
        for work in self._models:
            for record in work.records():
                step = replace(record, step=before + record.step, total=self.total)
                self._seen.add(step)
                yield step
            before += work.total
        stored.save(self.result(), self._folder, "result")

    def result(self) -> RetrainingResult:
        """Everything found so far."""
        return replace(
            self._seen.result(),
            folder=self._folder,
            base={work.model: work.base for work in self._models if work.base is not None},
            made={(work.model, row): made for work in self._models for row, made in work.made.items()},
            shown={(work.model, row): shown for work in self._models for row, shown in work.shown.items()},
        )
