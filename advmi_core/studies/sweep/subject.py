"""What a sweep is about: the images, their labels and the model, and the hashes that stand for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from advmi_core import data, models
from advmi_core.data.image_set import digest
from advmi_core.models import Network
from advmi_core.objectives import Classification, Objective, Reconstruction

if TYPE_CHECKING:
    from advmi_core.studies.sweep.spec import Sweep


@dataclass(frozen=True, eq=False)
class Subject:
    """The first n images (n,C,H,W) of a split, their labels (n,), and the network, all on the CPU."""

    x: Tensor
    y: Tensor
    network: Network

    @classmethod
    def load(cls, sweep: Sweep) -> Subject:
        """Images and weights of a sweep.

        Raises:
            ValueError: they are missing or damaged, or there are fewer images than wanted.
        """
        chosen = data.load(sweep.dataset, split=sweep.split).first(sweep.n)
        return cls(chosen.x, chosen.y, models.load(sweep.model, dataset=sweep.dataset, device="cpu"))

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
