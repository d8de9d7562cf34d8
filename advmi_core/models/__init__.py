"""Models under attack: build one untrained, load a trained one, or train your own."""

from advmi_core.models.base import Autoencoder, Classifier, Network
from advmi_core.models.checkpoints import CheckpointError, available, save
from advmi_core.models.labels import labels_for
from advmi_core.models.loading import ModelChoice, check_name, choices, load
from advmi_core.models.metrics import measure
from advmi_core.models.own import is_reference, register
from advmi_core.models.registry import MODELS, build
from advmi_core.models.training.loop import TrainingError
from advmi_core.models.training.spec import TrainSpec, default_spec
from advmi_core.models.training.trainer import TrainResult, TrainStep, train
from advmi_core.models.wrapped import Facts, wrap

__all__ = [
    "MODELS",
    "Autoencoder",
    "CheckpointError",
    "Classifier",
    "Facts",
    "ModelChoice",
    "Network",
    "TrainResult",
    "TrainSpec",
    "TrainStep",
    "TrainingError",
    "available",
    "build",
    "check_name",
    "choices",
    "default_spec",
    "is_reference",
    "labels_for",
    "load",
    "measure",
    "register",
    "save",
    "train",
    "wrap",
]
