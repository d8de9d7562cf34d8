"""Sweeps over methods and ε: frozen specs, run folders that resume, executors that agree byte for byte."""

from advmi_core.studies.sweep.folder import runs_folder
from advmi_core.studies.sweep.presets import PRESETS
from advmi_core.studies.sweep.results import SweepResult, SweepStep
from advmi_core.studies.sweep.spec import Cell, Method
from advmi_core.studies.sweep.store import find, gallery, load, run_store, runs
from advmi_core.studies.sweep.study import Sweep

__all__ = [
    "PRESETS",
    "Cell",
    "Method",
    "Sweep",
    "SweepResult",
    "SweepStep",
    "find",
    "gallery",
    "load",
    "run_store",
    "runs",
    "runs_folder",
]
