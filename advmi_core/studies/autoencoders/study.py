"""RetrainingStudy: a spec that can be run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from advmi_core.experiments.progress import StudyRun
from advmi_core.studies.autoencoders.records import Record
from advmi_core.studies.autoencoders.results import RetrainingResult
from advmi_core.studies.autoencoders.spec import RetrainingSpec
from advmi_core.studies.autoencoders.work import RetrainingWork


@dataclass(frozen=True, kw_only=True)
class RetrainingStudy(RetrainingSpec):
    """RetrainingStudy with the parameters of ``RetrainingSpec``, ready to run."""

    def run(self, directory: Path) -> StudyRun[Record, RetrainingResult]:
        """Start the study, or go on with it; closing the run keeps what is finished.

        Every finished training and every part of new images lies in ``directory``, in folders named by all
        that they depend on; studies that share some share them. A kill loses at most the training or the part
        in hand.

        Args:
            directory: where the folders lie; made if it does not exist. Several processes may share it, and
                compute each training and each part once.

        Raises:
            ValueError: there are too few images, or the folder cannot be used.
            DataNotFoundError: the data set is not on this machine.
        """
        work = RetrainingWork(self, directory)
        return StudyRun(
            work.artefact, self.title, work.records(), work.result, work.total, uses=work.uses, done=work.done
        )
