"""Parameters, records and result of training local DIM estimators."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Self

import torch

from advmi_core.attacks.core.base import NORM
from advmi_core.defenses.spec import CROP, EPS, FLIP, STEPS
from advmi_core.fields import SEED, Field, check_fields
from advmi_core.mi.local.dim import UNITS
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models.training.spec import VALIDATION

RATE = Field("Adam's rate", low=0, above=True)


@dataclass(frozen=True, kw_only=True)
class EstimatorSpec:
    """All parameters of the estimators' training.

    Attributes:
        lr, optimised_lr: Adam's rates of the first stage and of the second. That has a rate of its own
            because what it descends has no lower end: with too large steps all four values fall far below 0
            within an epoch.
        eps, norm, steps: the PGD that makes x̃ on the target, as for ``DefenseSpec``.
        crop, flip: the augmentation that every image gets once.
        validation: share of the images that the estimators are measured on and never trained on.

    Raises:
        ValueError: a parameter is outside its range.
    """

    dataset: str = "fashion-mnist"
    units: Annotated[int, Field("Units", "Width of the codes. Published: 2048.", low=1)] = UNITS
    epochs: Annotated[int, Field("Epochs by Eq. 4", "Over all images.", low=1)] = 5
    optimised_epochs: Annotated[
        int, Field("Epochs by Eq. 5", "Over the selected images; 0 leaves it out.", low=0)
    ] = 2
    batch: Annotated[int, Field("Batch", "Images per step; each has batch − 1 negatives.", low=2)] = 128
    lr: Annotated[float, RATE] = 1e-4
    optimised_lr: Annotated[float, RATE] = 1e-4
    eps: Annotated[float, EPS] = 8 / 255
    norm: Annotated[str, NORM] = "linf"
    steps: Annotated[int, STEPS] = 10
    crop: Annotated[int, CROP] = 4
    flip: Annotated[bool, FLIP] = True
    validation: Annotated[float, VALIDATION] = 1 / 12
    seed: Annotated[int, SEED] = 0

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def model(self) -> str:
        """The name of what is trained, for files."""
        return "local-dim"

    def to_dict(self) -> dict[str, Any]:
        """All parameters as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class HeldOutMI:
    """Mean MI of held-out images, in nats; NaN where no row was selected.

    Attributes:
        natural_x, natural_adv, adversarial_x, adversarial_adv: of the selected rows, as in
            ``InformationSplit``.
        standard_x, standard_adv: E_s(x, h(x)) and E_s(x̃, h(x̃)) of all rows.
    """

    natural_x: float
    natural_adv: float
    adversarial_x: float
    adversarial_adv: float
    standard_x: float
    standard_adv: float


@dataclass(frozen=True)
class EstimatorStep:
    """One moment of the estimators' training.

    Attributes:
        stage: ``"craft"`` (making x̃), ``"first"`` (Eq. 4) or ``"optimised"`` (Eq. 5).
        step, total: steps done, 1…total, over all stages.
        natural, adversarial, standard: what each estimator ascended, nats, before the step; NaN if it rested.
        held: measured on held-out images at the end of an epoch, else None.
    """

    stage: str
    step: int
    total: int
    natural: float
    adversarial: float
    standard: float
    held: HeldOutMI | None


@dataclass(frozen=True)
class Estimated:
    """The estimators of one classifier as Eq. 4 left them, and as Eq. 5 did."""

    first: LocalEstimators
    optimised: LocalEstimators

    def to(self, device: torch.device) -> Self:
        """The same estimators, moved there and frozen."""
        for stage in (self.first, self.optimised):
            stage.to(device)
        return self

    def save(self, folder: Path, card: dict[str, Any]) -> None:
        """Write them to ``folder/first`` and ``folder/optimised``, with this card."""
        for stage, estimators in vars(self).items():
            estimators.save(folder / stage, card)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What ``save`` wrote, frozen.

        Raises:
            CheckpointError: a file is missing, damaged, or not what its card says.
        """
        return cls(*(LocalEstimators.load(folder / stage) for stage in STAGES))


STAGES = tuple(field.name for field in fields(Estimated))


@dataclass(frozen=True)
class EstimatorResult:
    """The estimators, frozen, with what a card says of them, and their held-out MI after every epoch.

    ``first`` are the estimators as the first stage left them (Eq. 4); None if it did not end.
    """

    estimators: LocalEstimators
    card: dict[str, Any]
    history: tuple[tuple[str, HeldOutMI], ...]
    complete: bool
    first: LocalEstimators | None = None
