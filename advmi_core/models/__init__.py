"""Models under attack: build one untrained, load a trained one, or train your own."""

from advmi_core.models.base import Autoencoder, Classifier, Network
from advmi_core.models.checkpoints import CheckpointError, available, load, save
from advmi_core.models.metrics import measure
from advmi_core.models.registry import MODELS, build
from advmi_core.models.training.loop import TrainingError
from advmi_core.models.training.spec import TrainSpec, default_spec
from advmi_core.models.training.trainer import TrainResult, TrainStep, train

__all__ = [
    "MODELS",
    "Autoencoder",
    "CheckpointError",
    "Classifier",
    "Network",
    "TrainResult",
    "TrainSpec",
    "TrainStep",
    "TrainingError",
    "available",
    "build",
    "default_spec",
    "load",
    "measure",
    "save",
    "train",
]
