"""Background work: submit a run, poll its snapshot, cancel it and keep what it found."""

from advmi_core.jobs.job import Kin, Lane, Snapshot
from advmi_core.jobs.manager import JobManager, shared

__all__ = ["JobManager", "Kin", "Lane", "Snapshot", "shared"]
