"""Autoencoders retrained on UAEs: what does that do to their reconstruction of clean images? [UAE, sec. 4]"""

from advmi_core.studies.autoencoders.records import (
    PROTOCOLS,
    ROWS,
    MakingStep,
    Record,
    RetrainStep,
)
from advmi_core.studies.autoencoders.results import (
    Examples,
    Retrained,
    RetrainingResult,
    RowSummary,
)
from advmi_core.studies.autoencoders.spec import AUTOENCODERS, EPOCHS
from advmi_core.studies.autoencoders.study import RetrainingStudy

__all__ = [
    "AUTOENCODERS",
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
]
