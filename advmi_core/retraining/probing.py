"""What UAEs do to learned features: a network retrained on them, then a classifier on its features.

The shared part of the studies of representation and of contrastive learning (METHODS §4). Base, new images
and protocols are those of ``RetrainingStudy``; what is measured is not only the network's own loss but also
the accuracy that a classifier reaches on its features.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from advmi_core.augmentation import Augmentation
from advmi_core.data import ImageSet
from advmi_core.models import Network
from advmi_core.objectives import Objective
from advmi_core.retraining.probe_results import PROBE_ROWS, Cell, ProbeRecord, ProbeResult
from advmi_core.retraining.probe_work import ProbeWork
from advmi_core.retraining.records import PROTOCOLS
from advmi_core.run import Run
from advmi_core.validate import check_choice, check_count, check_number


@dataclass(frozen=True, kw_only=True)
class ProbeStudy(ABC):
    """Rows × seeds of one network; frozen, JSON-serialisable through ``spec()``.

    Attributes:
        dataset: name of the data set.
        n: training images, the first of the training split; one UAE is made for each.
        validation: images after those, for the curves.
        seeds: of the trainings, ≥ 0, all different; the first one's original is the base.
        epochs, batch: of a training.
        targets: partner or goal of a new image in training: ``"self"`` or its ``"original"``.
        only_successful: mix in only the UAEs with f ≤ 0, and only the noise that stands for one of them.
        mi, eps, steps, inner, alpha, start, mi_weight: of the UAEs, see ``Augmentation``.
        part: new images made and kept at once; no result depends on it.

    Raises:
        ValueError: a parameter is outside its range.
    """

    kind: ClassVar[str]
    model: ClassVar[str]
    metrics: ClassVar[tuple[str, ...]]

    dataset: str = "fashion-mnist"
    n: int = 5000
    validation: int = 1000
    seeds: Sequence[int] = (0, 1, 2)
    epochs: int = 20
    batch: int = 128
    targets: str = "self"
    only_successful: bool = True
    mi: str = "mine-patches"
    eps: float = 1.0
    steps: int = 40
    inner: int | None = None
    alpha: float | None = None
    start: float | None = None
    mi_weight: float | None = None
    part: int = 250

    def __post_init__(self) -> None:
        object.__setattr__(self, "seeds", tuple(self.seeds))
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds must be at least one and all different, got {self.seeds}")
        for seed in self.seeds:
            check_count(seed, "seeds", low=0)
        for name in ("n", "validation", "epochs", "batch"):
            check_count(getattr(self, name), name)
        check_number(self.eps, "eps", low=0)
        check_choice(self.targets, "targets", ("self", "original"))
        self.augmentation()

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

    def gradient_steps(self, protocol: str) -> int:
        """Gradient steps of the original under a protocol; trainings on new images have ``equal-steps``'."""
        return self.epochs * math.ceil((self.n if protocol == PROTOCOLS[0] else 2 * self.n) / self.batch)

    def augmentation(self) -> Augmentation:
        """How the UAEs are made."""
        return Augmentation(
            mi=self.mi,
            eps=self.eps,
            steps=self.steps,
            inner=self.inner,
            alpha=self.alpha,
            start=self.start,
            mi_weight=self.mi_weight,
            part=self.part,
        )

    def spec(self) -> dict[str, Any]:
        """All parameters, JSON-serialisable."""
        return {"study": self.kind, "model": self.model, **asdict(self), "made": self.augmentation().spec()}

    def run(self, directory: Path) -> Run[ProbeRecord, ProbeResult]:
        """Start the study, or go on with it; a kill loses at most the training or part in hand.

        Args:
            directory: where the folders of all studies lie.

        Raises:
            ValueError: there are fewer images than wanted, or the folder cannot be used.
            DataNotFoundError: the data set is not on this machine.
        """
        work = ProbeWork(self, directory)
        return Run(work.records(), work.result, work.total)
