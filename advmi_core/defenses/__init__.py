"""Defences by adversarial training, with and without mutual information (METHODS §5)."""

from advmi_core.defenses.estimator_spec import EstimatorResult, EstimatorSpec, EstimatorStep, HeldOutMI
from advmi_core.defenses.estimators import train_estimators
from advmi_core.defenses.methods import DEFENSES, Defense
from advmi_core.defenses.records import DefenseResult, DefenseStep, Epoch, LossTerms
from advmi_core.defenses.spec import DefenseSpec
from advmi_core.defenses.trainer import train_defense

__all__ = [
    "DEFENSES",
    "Defense",
    "DefenseResult",
    "DefenseSpec",
    "DefenseStep",
    "Epoch",
    "EstimatorResult",
    "EstimatorSpec",
    "EstimatorStep",
    "HeldOutMI",
    "LossTerms",
    "train_defense",
    "train_estimators",
]
