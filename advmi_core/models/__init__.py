"""Models under attack: build one untrained, load a trained one, or train your own."""

from advmi_core.models.base import Autoencoder, Classifier, Network
from advmi_core.models.checkpoints import CheckpointError, available, load, save
from advmi_core.models.registry import MODELS, build

__all__ = [
    "MODELS",
    "Autoencoder",
    "CheckpointError",
    "Classifier",
    "Network",
    "available",
    "build",
    "load",
    "save",
]
