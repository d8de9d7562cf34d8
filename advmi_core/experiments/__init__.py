"""Sweeps over methods and ε: frozen specs, run folders that resume, executors that agree byte for byte."""

from advmi_core.experiments.folder import runs_folder
from advmi_core.experiments.presets import PRESETS
from advmi_core.experiments.results import SweepResult, SweepStep, collect
from advmi_core.experiments.spec import Cell, Method, Sweep
from advmi_core.experiments.store import RunInfo, find, gallery, load, measured, runs
from advmi_core.experiments.trash import delete, restore

__all__ = [
    "PRESETS",
    "Cell",
    "Method",
    "RunInfo",
    "Sweep",
    "SweepResult",
    "SweepStep",
    "collect",
    "delete",
    "find",
    "gallery",
    "load",
    "measured",
    "restore",
    "runs",
    "runs_folder",
]
