"""Autoencoders retrained on UAEs: what does that do to their reconstruction of clean images? [UAE, sec. 4]"""

from advmi_core.retraining.collecting import collect
from advmi_core.retraining.records import PROTOCOLS, ROWS, MakingStep, Record, RetrainStep
from advmi_core.retraining.results import Examples, Retrained, RetrainingResult, RowSummary
from advmi_core.retraining.study import EPOCHS, RetrainingStudy

__all__ = [
    "EPOCHS",
    "PROTOCOLS",
    "ROWS",
    "Examples",
    "MakingStep",
    "Record",
    "RetrainStep",
    "Retrained",
    "RetrainingResult",
    "RetrainingStudy",
    "RowSummary",
    "collect",
]
