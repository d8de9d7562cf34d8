"""Sweeps over methods and ε: frozen specs, run folders that resume, executors that agree byte for byte."""

from advmi_core.studies.sweep.folder import runs_folder
from advmi_core.studies.sweep.presets import PRESETS
from advmi_core.studies.sweep.results import SweepResult, SweepStep, collect
from advmi_core.studies.sweep.spec import Cell, Method
from advmi_core.studies.sweep.store import RunInfo, find, gallery, load, measured, runs
from advmi_core.studies.sweep.study import Sweep
from advmi_core.studies.sweep.trash import delete, restore

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
