"""Fair measurement: one table per attack, success with its interval, MI by one estimator for all, distances.

A learned perceptual distance is left out: no package ships its backbone's weights, and nothing is downloaded
unasked.
"""

from advmi_core.evaluation.intervals import Interval, Paired, paired, wilson
from advmi_core.evaluation.robust import CLEAN, Accuracy, RobustResult, RobustStep, robust_accuracy
from advmi_core.evaluation.summary import Comparison, Moments, Summary, compare, moments, summarise
from advmi_core.evaluation.table import ImageTable, tabulate
from advmi_core.evaluation.transfer import transfer_accuracy

__all__ = [
    "CLEAN",
    "Accuracy",
    "Comparison",
    "ImageTable",
    "Interval",
    "Moments",
    "Paired",
    "RobustResult",
    "RobustStep",
    "Summary",
    "compare",
    "moments",
    "paired",
    "robust_accuracy",
    "summarise",
    "tabulate",
    "transfer_accuracy",
    "wilson",
]
