"""ProbeStudy: a spec that can be run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from advmi_core.device import pick
from advmi_core.experiments.progress import StudyRun
from advmi_core.studies.autoencoders.features.results import ProbeResult
from advmi_core.studies.autoencoders.features.spec import ProbeSpec
from advmi_core.studies.autoencoders.features.work import ProbeWork
from advmi_core.studies.autoencoders.records import Record


@dataclass(frozen=True, kw_only=True)
class ProbeStudy(ProbeSpec):
    """ProbeStudy with the parameters of ``ProbeSpec``, ready to run."""

    def run(self, directory: Path, *, device: str = "auto") -> StudyRun[Record, ProbeResult]:
        """Start the study, or go on with it; a kill loses at most the training or part in hand.

        Args:
            directory: where the folders of all studies lie.
            device: where to compute, see ``device.pick``.

        Raises:
            ValueError: there are fewer images than wanted, or folder or device cannot be used.
            DataNotFoundError: the data set is not on this machine.
        """
        work = ProbeWork(self, directory, pick(device))
        return StudyRun(
            work.own, self.title, work.records(), work.result, work.total, uses=work.uses, done=work.done
        )
