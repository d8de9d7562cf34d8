"""Records and result of a defence study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from torch import Tensor

from advmi_core.defenses.estimator_spec import EstimatorStep
from advmi_core.defenses.records import DefenseStep, Epoch
from advmi_core.mi.local.estimators import InformationSplit
from advmi_core.studies.defence.spec import DefenceStudySpec

STANDARD, ESTIMATORS, DEFENCE, ATTACKS = "standard", "estimators", "defence", "attacks"
STAGES = (STANDARD, ESTIMATORS, DEFENCE, ATTACKS)
"""What a lesson goes through, in this order."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One model under one attack, per test image.

    Attributes:
        clean, robust: (n,) bool, right on x and right on x̃.
        standard_x, standard_adv: (n,) nats, E_s(x, h(x)) and E_s(x̃, h(x̃)).
        first, optimised: natural and adversarial MI by the estimators of Eq. 4 and by those of Eq. 5.
    """

    clean: Tensor
    robust: Tensor
    standard_x: Tensor
    standard_adv: Tensor
    first: InformationSplit
    optimised: InformationSplit

    @property
    def selected(self) -> Tensor:
        """(n,) bool: right on x and wrong on x̃ [NAMID, eq. 6]."""
        return self.clean & ~self.robust

    @property
    def gap(self) -> Tensor:
        """(n,) nats: what natural and adversarial MI of x̃ (Eq. 4) leave of its standard MI [NAMID, eq. 3]."""
        return self.standard_adv - self.first.natural_adv - self.first.adversarial_adv


@dataclass(frozen=True)
class DefenceStudyStep:
    """One moment of a lesson.

    Attributes:
        step, total: units of work done, over all stages.
        stage: one of ``STAGES``.
        training: what the training of this stage says, where it is one.
        estimator: what the training of the estimators says, in theirs.
        reference: the Standard model on the validation images, seen through the estimators; once.
        model, attack: which of ``STANDARD`` and ``DEFENCE`` is under which attack, in the last stage.
        measured: that model under that attack, when it is done.
        reused: loaded, not computed.
    """

    step: int
    total: int
    stage: str
    training: DefenseStep | None = None
    estimator: EstimatorStep | None = None
    reference: Epoch | None = None
    model: str = ""
    attack: str = ""
    measured: Measured | None = None
    reused: bool = False


@dataclass(frozen=True, eq=False)
class DefenceStudyResult:
    """What the records of a lesson, complete or not, add up to.

    Attributes:
        lesson: its parameters.
        steps: its records; of a training's moments, as many as can be drawn.
        weights: ``STANDARD`` and ``DEFENCE``, as far as they are trained → their files.
        complete: the lesson went to its end.
        loaded: nothing had to be computed, all was found.
    """

    lesson: DefenceStudySpec
    steps: Sequence[DefenceStudyStep]
    weights: Mapping[str, Path] = field(default_factory=dict)
    complete: bool = False
    loaded: bool = False

    def training(self, stage: str) -> list[DefenseStep]:
        """The records of the training of ``STANDARD`` or ``DEFENCE``."""
        return [step.training for step in self.steps if step.stage == stage and step.training is not None]

    def history(self, stage: str) -> list[Epoch]:
        """The finished epochs of ``STANDARD`` or ``DEFENCE`` in order; a resumed training tells some late."""
        found = [step.finished for step in self.training(stage) if step.finished is not None]
        return sorted(found, key=lambda epoch: epoch.epoch)

    def kept(self, stage: str) -> Epoch | None:
        """The epoch whose weights are kept, the first of those with the highest robust accuracy."""
        return max(self.history(stage), key=lambda epoch: epoch.robust, default=None)

    @cached_property
    def reference(self) -> Epoch | None:
        """The Standard model on the validation images, seen through the estimators."""
        return next((step.reference for step in self.steps if step.reference is not None), None)

    @cached_property
    def measured(self) -> dict[tuple[str, str], Measured]:
        """(model, attack) → what was measured."""
        return {(s.model, s.attack): s.measured for s in self.steps if s.measured is not None}
