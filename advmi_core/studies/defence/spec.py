"""A defence from its start to its measurement, small enough to be watched (METHODS §5) [NAMID].

A Standard model first, the estimators on it (Eq. 4, then Eq. 5), the chosen defence through them, then both
models under five attacks. Every finished training is kept: another defence, α or λ trains only itself.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from advmi_core import paths
from advmi_core.defenses.estimator_spec import EstimatorSpec
from advmi_core.defenses.spec import DefenseSpec
from advmi_core.validate import check_count

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
        defense: a key of ``DEFENSES``.
        model: a classifier of ``MODELS``, trained from the same start as Standard and as the defence.
        dataset: name of the data set.
        n: training images, the first of the training split; 15 % of them are held out for the curves.
        measured: test images, the first of the test split, that both models are attacked on in the end.
        epochs, batch, lr: of both trainings, see ``DefenseSpec``.
        eps, steps: radius ε (L∞) and PGD steps of both trainings and of the estimators' x̃.
        alpha, penalty: α and λ of NAMID's term; the other defences ignore them. The published α = 5 is for
            100 epochs: in a lesson's few, 1 was seen to halve the right answers, 5 to leave chance's.
        units, first, optimised: width of the estimators' codes, epochs by Eq. 4 and by Eq. 5.
        seed: ≥ 0.

    Raises:
        ValueError: a parameter is outside its range.
    """

    defense: str = "namid"
    model: str = "cnn"
    dataset: str = "fashion-mnist"
    n: int = 1200
    measured: int = 100
    epochs: int = 5
    batch: int = 32
    lr: float = 0.02
    eps: float = 0.1
    steps: int = 4
    alpha: float = 0.3
    penalty: float = 0.1
    units: int = 128
    first: int = 4
    optimised: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n", "measured"):
            check_count(getattr(self, name), name, low=2)
        check_count(self.optimised, "optimised")
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
