"""RobustnessStudy: a spec that can be run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from advmi_core.experiments.progress import StudyRun
from advmi_core.studies.robustness.records import RobustnessStep
from advmi_core.studies.robustness.results import RobustnessResult
from advmi_core.studies.robustness.spec import RobustnessSpec
from advmi_core.studies.robustness.work import Work


@dataclass(frozen=True, kw_only=True)
class RobustnessStudy(RobustnessSpec):
    """RobustnessStudy with the parameters of ``RobustnessSpec``, ready to run."""

    def run(
        self, directory: Path, earlier: RobustnessResult | None = None
    ) -> StudyRun[RobustnessStep, RobustnessResult]:
        """Start the study, or go on with it; closing the run keeps what is finished.

        Parts lie in folders of ``directory`` that are named by all they depend on (a model by the hash of its
        weights), so studies with a model and an attack in common share them, and so do several processes,
        each of which takes parts that no other is at.

        Args:
            directory: where the folders lie; made if it does not exist.
            earlier: a result whose answers are taken over where they are of the same images, weights and
                attacks.

        Raises:
            ValueError: a model is missing, or there are too few images, or the folder cannot be used.
            DataNotFoundError: the data set is not on this machine.
        """
        work = Work(self, directory, earlier)
        return StudyRun(work.artefact, self.title, work.records(), work.result, work.total, uses=work.uses)
