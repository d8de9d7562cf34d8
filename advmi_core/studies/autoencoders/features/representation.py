"""Representation learning: which inputs does a concrete autoencoder select, and what do they tell? [UAE]

As Abid, Balin & Zou (2019) judge a selection: by the reconstruction of all inputs from the selected ones, and
by the accuracy of extremely randomised trees that see nothing but these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from sklearn.ensemble import ExtraTreesClassifier
from torch import Tensor

from advmi_core.augmentation.strength import PUBLISHED
from advmi_core.data import ImageSet
from advmi_core.models import Network, measure
from advmi_core.models.networks.concrete import ConcreteAutoencoder
from advmi_core.objectives import Objective, Reconstruction
from advmi_core.studies.autoencoders.features.study import ProbeStudy

TREES = 50


@dataclass(frozen=True, kw_only=True)
class RepresentationStudy(ProbeStudy):
    """Metrics: ``mse``, squared error per input on the test split; ``accuracy`` in [0,1] of trees there.

    See ``ProbeStudy`` for the parameters.
    """

    kind: ClassVar[str] = "representation"
    model: ClassVar[str] = "ae-concrete"
    metrics: ClassVar[tuple[str, ...]] = ("mse", "accuracy")

    epochs: int = 60

    def objective(self, network: Network, references: Tensor) -> Objective:
        return Reconstruction(network)

    def probe(self, network: Network, train: ImageSet, test: ImageSet, seed: int) -> tuple[float, ...]:
        selected = cast(ConcreteAutoencoder, network).selected()
        return measure(network, test.x, test.y)["mse"], tree_accuracy(selected, train, test, seed)


MICE = RepresentationStudy(
    dataset="mice-protein",
    n=764,
    validation=100,
    epochs=300,
    batch=64,
    mi="mine-random",
    inner=10,
    alpha=PUBLISHED.alpha,
    start=0.02,
    mi_weight=PUBLISHED.mi_weight,
    warmup=PUBLISHED.warmup,
)
"""The same on the table of 77 proteins. It has no patches, so the UAEs are those of random sampling.

Critic steps and start were chosen on 16 validation rows, 40 steps: of inner 5, 10, 20 with start 0.02 and of
inner 10 with start 0.05, success was 0.63, 0.81, 0.81 and 0.56; with inner 1 the estimate stays below 0 nats
and nothing counts. The UAEs are mostly their random start: ‖x̃ − x‖₂ is 0.10, and so is 0.02·√(77/3).
"""


def tree_accuracy(selected: Tensor, train: ImageSet, test: ImageSet, seed: int = 0) -> float:
    """Accuracy in [0,1] on ``test`` of 50 extremely randomised trees that see only some inputs.

    Args:
        selected: positions in the flattened image; repeats count once.
        train: what the trees learn.
        test: what they are measured on.
        seed: ≥ 0, of the trees.
    """
    columns = torch.unique(selected.cpu())
    trees = ExtraTreesClassifier(TREES, random_state=seed)
    trees.fit(train.x.flatten(1)[:, columns].numpy(), train.y.numpy())
    return float(trees.score(test.x.flatten(1)[:, columns].numpy(), test.y.numpy()))
