"""Mutual information: bounds, per-sample critics, sampling, and one call to estimate it."""

from advmi_core.mi.bounds import BOUNDS
from advmi_core.mi.critics import PRESETS
from advmi_core.mi.estimate import estimate_mi
from advmi_core.mi.estimators import ESTIMATORS, MIEstimate
from advmi_core.mi.pairs import PAIRS
from advmi_core.mi.per_sample import PerSampleMINE
from advmi_core.mi.sampling import SAMPLINGS
from advmi_core.mi.tasks import TASKS

__all__ = [
    "BOUNDS",
    "ESTIMATORS",
    "PAIRS",
    "PRESETS",
    "SAMPLINGS",
    "TASKS",
    "MIEstimate",
    "PerSampleMINE",
    "estimate_mi",
]
