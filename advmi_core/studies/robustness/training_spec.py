"""Parameters, records and result of training the models that the robustness tables measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from advmi_core.defenses import DEFENSES, DefenseSpec, EstimatorSpec
from advmi_core.defenses.estimator_spec import EstimatorStep
from advmi_core.defenses.records import DefenseStep, Epoch
from advmi_core.fields import Field, check_fields, field_of
from advmi_core.models.training.spec import options
from advmi_core.studies.robustness.variants import TRAINED, Variant
from advmi_core.validate import check_choice

Step = DefenseStep | EstimatorStep
_STUDY = Field(
    "Rows",
    "Of which table; the last three are choices of α, λ and w.",
    choices={name: name for name in TRAINED},
)


@dataclass(frozen=True)
class TrainingsStep:
    """One moment of a study's trainings.

    Attributes:
        step, total: units of work.
        part, parts: the training in hand, 1…parts.
        row, seed: that training; the row is ``ESTIMATORS`` for these.
        training: its record; None where other processes are at all that is left.
    """

    step: int
    total: int
    part: int
    parts: int
    row: str
    seed: int
    training: Step | None


@dataclass(frozen=True)
class TrainingsResult:
    """(row, seed) → the kept epoch and all epochs, of the models that are there; and whether all are."""

    rows: dict[tuple[str, int], tuple[int, tuple[Epoch, ...]]]
    complete: bool


@dataclass(frozen=True, kw_only=True)
class DefenceTrainingsSpec:
    """Rows × seeds, trained alike; the defaults are those of the shipped tables of Fashion-MNIST.

    Attributes:
        rows: some of the study's; None takes all. Standard AT and the estimators are trained for rows with a
            term of mutual information, and so is what two studies in one folder share, once.
        seeds: of the trainings, ≥ 0, all different.
        alpha, penalty, wmim_weight, warmup: of the rows with such a term; others need no new training where
            one of these is changed.

    Raises:
        ValueError: a parameter is outside its range.
    """

    study: Annotated[str, _STUDY] = "defences"
    rows: Sequence[str] | None = None
    seeds: Sequence[int] = (0, 1)
    dataset: str = "fashion-mnist"
    n: Annotated[int, Field("Images", "The first of the training images.", low=2)] = 13_000
    validation: Annotated[float, field_of(DefenseSpec, "validation")] = 1 / 13
    model: Annotated[str, field_of(DefenseSpec, "model")] = "resnet18-w8"
    epochs: Annotated[int, field_of(DefenseSpec, "epochs")] = 10
    batch: Annotated[int, field_of(DefenseSpec, "batch")] = 128
    lr: Annotated[float, field_of(DefenseSpec, "lr")] = 0.1
    eps: Annotated[float, field_of(DefenseSpec, "eps")] = 0.1
    norm: Annotated[str, field_of(DefenseSpec, "norm")] = "linf"
    steps: Annotated[int, field_of(DefenseSpec, "steps")] = 10
    alpha: Annotated[float, field_of(DefenseSpec, "alpha")] = 0.1
    penalty: Annotated[float, field_of(DefenseSpec, "penalty")] = 0.1
    wmim_weight: Annotated[float, field_of(DefenseSpec, "wmim_weight")] = 0.1
    warmup: Annotated[int, field_of(DefenseSpec, "warmup")] = 1
    clip: Annotated[float, field_of(DefenseSpec, "clip")] = 5.0
    crop: Annotated[int, field_of(DefenseSpec, "crop")] = 2
    units: Annotated[int, field_of(EstimatorSpec, "units")] = 512
    first: Annotated[int, field_of(EstimatorSpec, "epochs")] = 5
    optimised: Annotated[int, field_of(EstimatorSpec, "optimised_epochs")] = 1
    estimator_lr: Annotated[float, field_of(EstimatorSpec, "lr")] = 1e-3
    optimised_lr: Annotated[float, field_of(EstimatorSpec, "optimised_lr")] = 1e-4
    precision: Annotated[str, field_of(DefenseSpec, "precision")] = "float32"

    def __post_init__(self) -> None:
        check_fields(self)
        for row in self.names:
            check_choice(row, "rows", tuple(self.variants))
        for seed in self.seeds:
            for row in self.names:
                assert self.training(row, seed)  # made to be checked
            assert self.estimators(seed)

    @property
    def variants(self) -> dict[str, Variant]:
        """All rows of the study."""
        return TRAINED[self.study]

    @property
    def names(self) -> tuple[str, ...]:
        """The rows that are wanted, each once."""
        return tuple(dict.fromkeys(self.variants if self.rows is None else self.rows))

    def training(self, row: str, seed: int) -> DefenseSpec:
        """Parameters of a row's training."""
        variant = self.variants[row]
        parameters = DEFENSES[variant.defense].parameters
        own = {name: value for name, value in vars(self).items() if name in parameters}
        own |= {"warmup": self.warmup} if parameters else {}
        common = DefenseSpec(
            defense=variant.defense, model=self.model, dataset=self.dataset, epochs=self.epochs,
            batch=self.batch, lr=self.lr, eps=self.eps, norm=self.norm, steps=self.steps, clip=self.clip,
            crop=self.crop, validation=self.validation, precision=self.precision, seed=seed,
        )  # fmt: skip
        return replace(common, **{**own, **variant.changes})

    def estimators(self, seed: int) -> EstimatorSpec:
        """Parameters of the training of a seed's estimators."""
        return EstimatorSpec(
            dataset=self.dataset, units=self.units, epochs=self.first, optimised_epochs=self.optimised,
            batch=self.batch, lr=self.estimator_lr, optimised_lr=self.optimised_lr, eps=self.eps,
            norm=self.norm, steps=self.steps, crop=self.crop, validation=self.validation, seed=seed,
        )  # fmt: skip

    def command(self, row: str, seed: int) -> str:
        """The command line that repeats a training; folders are named by placeholders."""
        usual = type(self)()
        changed = options(replace(self, rows=None, seeds=usual.seeds), usual)
        words = ["ADVMI_DATA=<data folder> advmi train-defences", changed, f"--row {row} --seeds {seed + 1}"]
        return " ".join(word for word in [*words, "--out <output folder>"] if word)

    def spec(self) -> dict[str, Any]:
        """All parameters as plain JSON values."""
        return asdict(self)
