"""The defence study: adversarial training watched from its start, with both kinds of MI estimators."""

from advmi_core.studies.defence.records import DefenceStudyResult, DefenceStudyStep, Measured
from advmi_core.studies.defence.spec import user_folder
from advmi_core.studies.defence.store import Trained, trained_models
from advmi_core.studies.defence.study import DefenceStudy

__all__ = [
    "DefenceStudy",
    "DefenceStudyResult",
    "DefenceStudyStep",
    "Measured",
    "Trained",
    "trained_models",
    "user_folder",
]
