"""Contrastive learning: a SimCLR encoder retrained on UAEs and judged by a linear probe [UAE; SimCLR]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from advmi_core.augmentation.strength import PUBLISHED
from advmi_core.data import ImageSet
from advmi_core.memory import in_parts
from advmi_core.models import Network, measure
from advmi_core.models.networks.simclr import SimCLR
from advmi_core.objectives import Contrastive, Objective
from advmi_core.studies.autoencoders.features.study import ProbeStudy

REFERENCES = 256
_AT_ONCE = 500
_ITERATIONS = 300


@dataclass(frozen=True, kw_only=True)
class ContrastiveStudy(ProbeStudy):
    """Metrics: ``nt_xent`` in nats on the test split; ``accuracy`` in [0,1] of a linear probe there.

    A new image is one more image, two views of which are partners; with ``targets="original"`` its partner is
    a view of its original. The negatives of the UAEs' objective are the first validation images. See
    ``ProbeStudy`` for the parameters.
    """

    kind: ClassVar[str] = "contrastive"
    model: ClassVar[str] = "simclr"
    metrics: ClassVar[tuple[str, ...]] = ("nt_xent", "accuracy")

    batch: int = 256
    # The search of ``DEFAULTS`` was about squared errors; this criterion is in nats.
    inner: int | None = PUBLISHED.inner
    alpha: float | None = PUBLISHED.alpha
    start: float | None = PUBLISHED.start
    mi_weight: float | None = PUBLISHED.mi_weight

    def objective(self, network: Network, references: Tensor) -> Objective:
        return Contrastive(network, references[:REFERENCES])

    def probe(self, network: Network, train: ImageSet, test: ImageSet, seed: int) -> tuple[float, ...]:
        return measure(network, test.x, test.y)["nt_xent"], linear_probe(cast(SimCLR, network), train, test)


def linear_probe(network: SimCLR, train: ImageSet, test: ImageSet) -> float:
    """Accuracy in [0,1] on ``test`` of multinomial logistic regression on the standardised representation."""
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_ITERATIONS))
    probe.fit(_represented(network, train.x), train.y.numpy())
    return float(probe.score(_represented(network, test.x), test.y.numpy()))


def _represented(network: SimCLR, x: Tensor) -> object:
    device = next(network.parameters()).device
    with torch.no_grad():
        parts = in_parts(lambda rows: network.represent(x[rows].to(device)).cpu(), len(x), _AT_ONCE, device)
    return torch.cat(parts).double().numpy()
