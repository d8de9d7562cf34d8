"""Records and result of the training of a defence."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Self

from advmi_core.defenses.spec import DefenseSpec
from advmi_core.files import json_number
from advmi_core.models import Network


@dataclass(frozen=True)
class LossTerms:
    """Means over a batch, or over an epoch's batches; NaN for what the defence does not compute.

    Attributes:
        loss: what was minimised, base + α·information (NAMID) or base + w·information (WMIM), with α and w as
            far as they had risen.
        base: L_adv in nats.
        information: NAMID's L_mi (0 where no row was selected), or minus WMIM's mean standard MI.
        selected: share of the images that are right on x and wrong on x̃.
        clean: accuracy on x, in [0,1].
        robust: accuracy on x̃, in [0,1].
    """

    loss: float
    base: float
    information: float
    selected: float
    clean: float
    robust: float

    def values(self) -> list[float]:
        """The six numbers in the order of the attributes."""
        return [getattr(self, field.name) for field in fields(self)]

    def numbers(self) -> dict[str, float | None]:
        """The same by name, for JSON; None for what is not computed."""
        return {field.name: json_number(getattr(self, field.name)) for field in fields(self)}


@dataclass(frozen=True)
class Epoch:
    """One epoch of training, and the validation images after it.

    Attributes:
        epoch: 1…
        train: means over the epoch's steps.
        clean, robust: accuracy on x, and under PGD on the cross entropy (``validate``), in [0,1].
        natural_x, natural_adv: mean natural MI of x and of x̃, nats; NaN without estimators.
        adversarial_x, adversarial_adv: mean adversarial MI of x and of x̃, nats; NaN without estimators.
    """

    epoch: int
    train: LossTerms
    clean: float
    robust: float
    natural_x: float
    natural_adv: float
    adversarial_x: float
    adversarial_adv: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; None for what was not measured."""
        return {"epoch": self.epoch, **self.numbers(), "train": self.train.numbers()}

    def numbers(self) -> dict[str, float | None]:
        """What the validation images said, for a card; None for what was not measured."""
        names = [field.name for field in fields(self) if field.name not in ("epoch", "train")]
        return {name: json_number(getattr(self, name)) for name in names}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """What ``to_dict`` gave."""
        train = LossTerms(**_floats(values["train"]))
        return cls(**_floats({key: value for key, value in values.items() if key != "train"}), train=train)


def _floats(values: dict[str, Any]) -> dict[str, Any]:
    return {key: math.nan if value is None else value for key, value in values.items()}


@dataclass(frozen=True)
class DefenseStep:
    """One moment of a training.

    Attributes:
        step, total: gradient steps done, 1…total.
        epoch, epochs: the epoch this step belongs to, 1…epochs.
        lr: learning rate of this step.
        parts: means over this step's batch before the step.
        finished: the epoch that this step ended, else None.
    """

    step: int
    total: int
    epoch: int
    epochs: int
    lr: float
    parts: LossTerms
    finished: Epoch | None


@dataclass(frozen=True)
class DefenseResult:
    """What a training, whole or cut short, has found.

    Attributes:
        network: the weights of the epoch with the highest robust accuracy on the validation images (the
            current ones if no epoch was finished), frozen, with its card.
        spec: the parameters.
        history: all finished epochs.
        complete: the training went to its end.
    """

    network: Network
    spec: DefenseSpec
    history: tuple[Epoch, ...]
    complete: bool
