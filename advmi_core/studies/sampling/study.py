"""SamplingStudy: a spec that can be run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from advmi_core.experiments.progress import StudyRun
from advmi_core.studies.sampling.results import StudyResult, StudyStep
from advmi_core.studies.sampling.spec import SamplingSpec
from advmi_core.studies.sampling.work import SamplingWork


@dataclass(frozen=True, kw_only=True)
class SamplingStudy(SamplingSpec):
    """SamplingStudy with the parameters of ``SamplingSpec``, ready to run."""

    def run(self, directory: Path) -> StudyRun[StudyStep, StudyResult]:
        """Start the study, or go on with it: parts that an earlier run kept are not computed again.

        Parts are computed side by side on as many threads as torch has; closing the run waits for those in
        hand. Several processes may run the same study in the same directory at once; they share the work.
        A complete run leaves ``result.npz`` (sampling → (S,N) nats) and ``summary.json`` beside the parts.

        Args:
            directory: where the folders of all studies lie; this one's is named by its spec's hash.

        Raises:
            ValueError: unknown or missing data, model or device, more images than there are, a sampling that
                the model does not offer, or a folder that cannot be written or is not this study's.
        """
        work = SamplingWork(self, directory)
        return StudyRun(work.artefact, self.title, work.steps(), work.result, work.total)
