"""Robustness of trained defences: white box, black box, ablation; published figures beside them [NAMID]."""

from advmi_core.studies.robustness.published import Published, published
from advmi_core.studies.robustness.records import RobustnessStep
from advmi_core.studies.robustness.results import Line, RobustnessResult, SeedLine
from advmi_core.studies.robustness.study import RobustnessStudy
from advmi_core.studies.robustness.suite import suite
from advmi_core.studies.robustness.variants import ABLATION, KINDS, ROWS, Variant

__all__ = [
    "ABLATION",
    "KINDS",
    "ROWS",
    "Line",
    "Published",
    "RobustnessResult",
    "RobustnessStep",
    "RobustnessStudy",
    "SeedLine",
    "Variant",
    "published",
    "suite",
]
