"""Mutual information: bounds, per-sample critics, sampling, and one call to estimate it."""

from advmi_core.mi.bounds import BOUNDS
from advmi_core.mi.critics import PRESETS
from advmi_core.mi.dataset.estimators import ESTIMATORS, MIEstimate
from advmi_core.mi.dataset.tasks import TASKS
from advmi_core.mi.pairs import PAIRS
from advmi_core.mi.per_image.estimate import estimate_mi
from advmi_core.mi.per_image.per_sample import PerSampleMINE
from advmi_core.mi.per_image.sampling import SAMPLINGS

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
