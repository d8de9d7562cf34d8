"""What UAEs do to learned features: a network retrained on them, then a classifier on its features.

The shared part of the studies of representation and of contrastive learning (METHODS §4). Base, new images
and protocols are those of ``RetrainingStudy``; what is measured is not only the network's own loss but also
the accuracy that a classifier reaches on its features.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar

from torch import Tensor

from advmi_core.augmentation import METHODS, Augmentation
from advmi_core.data import ImageSet
from advmi_core.fields import Field
from advmi_core.models import Network
from advmi_core.objectives import Objective
from advmi_core.studies.autoencoders.features.results import (
    PROBE_ROWS,
    UAE,
    Cell,
)
from advmi_core.studies.autoencoders.records import GAUSSIAN, PROTOCOLS
from advmi_core.studies.autoencoders.retraining import Retraining

UAES = {name: METHODS[name] for name in ("mine-uae", "solver-uae")}


@dataclass(frozen=True, kw_only=True)
class ProbeSpec(Retraining):
    """Rows × seeds of one network; frozen, JSON-serialisable through ``spec()``.

    Attributes:
        method: that makes the UAEs.
        mi: of the published ones, see ``Augmentation``.
        others: see ``Retraining``.

    Raises:
        ValueError: a parameter is outside its range.
    """

    kind: ClassVar[str]
    model: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]]

    epochs: Annotated[int, Field("Epochs", "Of a training.", low=1)] = 20
    method: Annotated[str, Field("UAEs", choices=UAES)] = "mine-uae"
    mi: str = "mine-patches"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.augmentation(UAE, self.model)

    @abstractmethod
    def objective(self, network: Network, references: Tensor) -> Objective:
        """What the UAEs of the base pursue; ``references`` (V,C,H,W) are the validation images."""

    @abstractmethod
    def probe(self, network: Network, train: ImageSet, test: ImageSet, seed: int) -> tuple[float, ...]:
        """The study's metrics of a trained network: learnt on ``train``, measured on ``test``."""

    @property
    def cells(self) -> list[Cell]:
        """(row, protocol) in the table's order."""
        return [(row, protocol) for protocol in PROTOCOLS for row in PROBE_ROWS]

    @property
    def title(self) -> str:
        """What people call the study."""
        return f"Features: {self.kind}, {self.dataset}"

    @property
    def rows(self) -> tuple[str, ...]:
        return PROBE_ROWS

    @property
    def matched(self) -> str:
        return UAE

    def epochs_of(self, model: str) -> int:
        return self.epochs

    def augmentation(self, row: str, model: str) -> Augmentation:
        if row == GAUSSIAN:
            return Augmentation(method="gaussian", part=self.part)
        return Augmentation(method=self.method, mi=self.mi, part=self.part, **self.strength)

    def spec(self) -> dict[str, Any]:
        """All parameters, JSON-serialisable."""
        made = self.augmentation(UAE, self.model).spec()
        return {"study": self.kind, "model": self.model, **asdict(self), "made": made}
