"""Background work: submit a run, poll its snapshot, cancel it and keep what it found."""

from advmi_core.jobs.manager import JobManager, Snapshot, shared

__all__ = ["JobManager", "Snapshot", "shared"]
