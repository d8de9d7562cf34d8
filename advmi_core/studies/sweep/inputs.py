"""Inputs of a sweep: the images, their labels and the model, and the hashes that stand for them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from advmi_core import data, models
from advmi_core.data.image_set import digest
from advmi_core.models import Network
from advmi_core.objectives import Classification, Objective, Reconstruction


@dataclass(frozen=True, eq=False)
class Inputs:
    """The first n images (n,C,H,W) of a split, their labels (n,), and the network, all on the CPU."""

    x: Tensor
    y: Tensor
    network: Network

    @classmethod
    def load(cls, dataset: str, split: str, n: int, model: str) -> Inputs:
        """The first ``n`` images of a split at the model's shape, and a model; see ``models.labels_for``.

        Raises:
            ValueError: they are missing or damaged, or there are fewer images than wanted.
        """
        network = models.load(model, dataset=dataset, device="cpu")
        chosen = data.load(dataset, split=split, shape=network.in_shape, limit=n).first(n)
        return cls(chosen.x, models.labels_for(network, chosen)[0], network)

    @property
    def images_hash(self) -> str:
        """sha256 of images and labels."""
        return digest(self.x, self.y)

    @property
    def weights_hash(self) -> str:
        """sha256 of the file with the model's weights."""
        return str(self.network.card["sha256"])

    def objective(self) -> Objective:
        """What an attack on all of these images pursues."""
        return objective(self.network, self.y)


def objective(network: Network, y: Tensor) -> Objective:
    """What an attack on images with these labels pursues: misclassification, or a good reconstruction."""
    if isinstance(network, models.Autoencoder):
        return Reconstruction(network)
    return Classification(network, y)
