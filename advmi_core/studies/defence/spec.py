"""A defence from its start to its measurement, small enough to be watched (METHODS §5) [NAMID].

A Standard model first, the estimators on it (Eq. 4, then Eq. 5), the chosen defence through them, then both
models under five attacks. Every finished training is kept: another defence, α or λ trains only itself.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from advmi_core import paths
from advmi_core.defenses.estimator_spec import EstimatorSpec
from advmi_core.defenses.spec import (
    ALPHA,
    BATCH,
    DEFENSE,
    EPOCHS,
    EPS,
    MODEL,
    PENALTY,
    RATE,
    STEPS,
    DefenseSpec,
)
from advmi_core.fields import SEED, Field, check_fields

_VALIDATION = 0.15
_CROP = 2
_ESTIMATOR_RATE = 4e-4


def user_folder() -> Path:
    """Where the app keeps what lessons have trained."""
    return paths.cache() / "defences"


@dataclass(frozen=True, kw_only=True)
class DefenceStudySpec:
    """All parameters; the same lesson gives the same weights on the same device with as many threads.

    Attributes:
        model: trained from the same start as Standard and as the defence.
        epochs, batch, lr: of both trainings, see ``DefenseSpec``.
        eps, steps: radius ε (L∞) and PGD steps of both trainings and of the estimators' x̃.
        alpha, penalty: α and λ of NAMID's term; the other defences ignore them. The published α = 5 is for
            100 epochs: in a lesson's few, 1 was seen to halve the right answers, 5 to leave chance's.

    Raises:
        ValueError: a parameter is outside its range.
    """

    defense: Annotated[str, DEFENSE] = "namid"
    alpha: Annotated[float, ALPHA] = 0.3
    penalty: Annotated[float, PENALTY] = 0.1
    eps: Annotated[
        float,
        replace(
            EPS,
            help="Largest change of a pixel, in the trainings and in the attacks on their models. Another ε "
            "trains everything anew.",
        ),
    ] = 0.1  # fmt: skip
    model: Annotated[str, MODEL] = "cnn"
    dataset: str = "fashion-mnist"
    n: Annotated[
        int,
        Field(
            "Images", "The first of the training images; 15 % are held out for the curves.", low=2, step=100
        ),
    ] = 1200  # fmt: skip
    measured: Annotated[
        int,
        Field(
            "Test images",
            "Both models are attacked on the first of the test images, when the training has ended.",
            low=2, step=10,
        ),
    ] = 100  # fmt: skip
    epochs: Annotated[int, replace(EPOCHS, help="Of Standard and of the defence.")] = 5
    batch: Annotated[int, BATCH] = 32
    lr: Annotated[float, RATE] = 0.02
    steps: Annotated[int, STEPS] = 4
    units: Annotated[int, Field("Width of the estimators' codes", low=1)] = 128
    first: Annotated[int, Field("Epochs by Eq. 4", low=1)] = 4
    optimised: Annotated[int, Field("Epochs by Eq. 5", low=1)] = 1
    seed: Annotated[int, replace(SEED, main=False)] = 0

    def __post_init__(self) -> None:
        check_fields(self)
        for spec in (self.defended, self.standard, self.estimators):
            assert spec  # made to be checked

    @property
    def title(self) -> str:
        """What people call the study."""
        return f"Defence: {self.defended.method.title}"

    @property
    def standard(self) -> DefenseSpec:
        """The training that everything begins with, whatever the defence."""
        return DefenseSpec(
            defense="standard", model=self.model, dataset=self.dataset, epochs=self.epochs, batch=self.batch,
            lr=self.lr, eps=self.eps, steps=self.steps, crop=_CROP, validation=_VALIDATION, seed=self.seed,
        )  # fmt: skip

    @property
    def defended(self) -> DefenseSpec:
        """The training of the chosen defence; α and λ as given only where they count.

        What it adds rises over all of a training this short: a fresh network has few rows that are right on x
        and wrong on x̃, and a cosine over few rows is mostly noise.
        """
        spec = replace(self.standard, defense=self.defense, warmup=self.epochs)
        given: dict[str, Any] = {"alpha": self.alpha, "penalty": self.penalty}
        return replace(spec, **{name: given[name] for name in spec.method.parameters if name in given})

    @property
    def estimators(self) -> EstimatorSpec:
        """The training of the estimators, on the same images under the same attack."""
        return EstimatorSpec(
            dataset=self.dataset, units=self.units, epochs=self.first, optimised_epochs=self.optimised,
            batch=self.batch, lr=_ESTIMATOR_RATE, optimised_lr=_ESTIMATOR_RATE, eps=self.eps,
            steps=self.steps, crop=_CROP, validation=_VALIDATION, seed=self.seed,
        )  # fmt: skip

    def spec(self) -> dict[str, Any]:
        """All parameters as plain JSON values."""
        return asdict(self)
