"""DefenceStudy: a spec that can be run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from advmi_core.device import pick
from advmi_core.experiments.progress import StudyRun
from advmi_core.studies.defence.records import DefenceStudyResult, DefenceStudyStep
from advmi_core.studies.defence.spec import DefenceStudySpec
from advmi_core.studies.defence.work import DefenceStudyWork


@dataclass(frozen=True, kw_only=True)
class DefenceStudy(DefenceStudySpec):
    """DefenceStudy with the parameters of ``DefenceStudySpec``, ready to run."""

    def run(self, directory: Path, *, device: str = "auto") -> StudyRun[DefenceStudyStep, DefenceStudyResult]:
        """Start the lesson, or go on with it; closing the run keeps what is finished.

        A closed training goes on where it was closed, a killed one from its last epoch; the attack in hand
        begins anew. Several processes may share the directory, and train and attack each model once.

        Args:
            directory: where the folders of all lessons lie; made if it does not exist.
            device: where to compute, see ``device.pick``.

        Raises:
            ValueError: there are too few images, or folder or device cannot be used.
            DataNotFoundError: the data set is not on this machine.
        """
        work = DefenceStudyWork(self, directory, pick(device))
        return StudyRun(
            work.artefact, self.title, work.records(), work.result, work.total, uses=work.store.uses,
            done=work.done,
        )  # fmt: skip
