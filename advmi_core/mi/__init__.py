"""Mutual information: bounds, per-sample critics, sampling, and one call to estimate it."""

from advmi_core.mi.bounds import BOUNDS
from advmi_core.mi.critics import PRESETS
from advmi_core.mi.estimate import estimate_mi
from advmi_core.mi.pairs import PAIRS
from advmi_core.mi.per_sample import PerSampleMINE
from advmi_core.mi.sampling import SAMPLINGS

__all__ = ["BOUNDS", "PAIRS", "PRESETS", "SAMPLINGS", "PerSampleMINE", "estimate_mi"]
