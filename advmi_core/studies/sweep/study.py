"""Sweep: a spec that can be run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from advmi_core.device import pick
from advmi_core.experiments.progress import StudyRun
from advmi_core.studies.sweep.results import SweepResult, SweepStep
from advmi_core.studies.sweep.runner import Runner
from advmi_core.studies.sweep.spec import SweepSpec


@dataclass(frozen=True, kw_only=True)
class Sweep(SweepSpec):
    """A sweep with the parameters of ``SweepSpec``, ready to run."""

    def run(
        self,
        directory: Path | None = None,
        *,
        executor: str = "serial",
        workers: int | None = None,
        ray_address: str | None = None,
        device: str = "auto",
    ) -> StudyRun[SweepStep, SweepResult]:
        """Start the sweep, or go on with it: shards that an earlier run kept are not computed again.

        Several processes may run the same sweep in the same directory at once; they share the work. Closing
        the run keeps the finished shards. A complete run leaves result.npz, gallery.npz and summary.json.

        Args:
            directory: where the folders of all runs lie, default ``runs_folder()``; this one's is named by
                its spec's hash.
            executor: ``"serial"``, ``"processes"`` or ``"ray"``; no byte of the result depends on it.
            workers: shards computed at a time, default one a core, or one on a GPU; serial has one.
            ray_address: of a Ray cluster with AdvMI installed; None starts Ray on this machine only.
            device: where to compute, see ``device.pick``. It is no part of the spec: each shard's timing says
                where it was computed.

        Raises:
            ValueError: unknown or missing data, model, device or executor, more images than there are, an
                attack that the model does not allow, or a folder that cannot be written or is not this
                sweep's.
        """
        work = Runner(self, directory, executor, workers, ray_address, pick(device))
        return StudyRun(work.folder.artefact, self.name, work.steps(), work.result, work.total)
