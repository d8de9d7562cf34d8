"""Parameters, records and result of training the models that the robustness tables measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from advmi_core.defenses import DEFENSES, DefenseSpec, EstimatorSpec
from advmi_core.defenses.estimator_spec import EstimatorStep
from advmi_core.defenses.records import DefenseStep, Epoch
from advmi_core.models.training.spec import options
from advmi_core.studies.robustness.variants import TRAINED, Variant
from advmi_core.validate import check_choice, check_count

Step = DefenseStep | EstimatorStep


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
class TrainedRow:
    """A row's model of one seed.

    Attributes:
        row, title, seed: which.
        spec: parameters of its training.
        kept: the epoch that was kept.
        history: all of them, on validation images.
    """

    row: str
    title: str
    seed: int
    spec: DefenseSpec
    kept: int
    history: tuple[Epoch, ...]


@dataclass(frozen=True)
class TrainingsResult:
    """The models that are there, and whether these are all."""

    rows: tuple[TrainedRow, ...]
    complete: bool


@dataclass(frozen=True, kw_only=True)
class DefenceTrainingsSpec:
    """Rows × seeds, trained alike; the defaults are those of the shipped tables of Fashion-MNIST.

    Attributes:
        study: a key of ``TRAINED``.
        rows: some of the study's; None takes all. Standard AT and the estimators are trained for rows with a
            term of mutual information, and so is what two studies in one folder share, once.
        seeds: of the trainings, ≥ 0, all different.
        n: training images, the first of the training split.
        validation: share of them that is held out.
        dataset, model, epochs, batch, lr, eps, norm, steps, clip, crop, precision: see ``DefenseSpec``.
        alpha, penalty, wmim_weight, warmup: of the rows with such a term; others need no new training where
            one of these is changed.
        units, first, optimised, estimator_lr, optimised_lr: of the estimators: width of their codes, epochs
            by Eq. 4 and by Eq. 5, and the rates of both.

    Raises:
        ValueError: a parameter is outside its range.
    """

    study: str = "defences"
    rows: Sequence[str] | None = None
    seeds: Sequence[int] = (0, 1)
    dataset: str = "fashion-mnist"
    n: int = 13_000
    validation: float = 1 / 13
    model: str = "resnet18-w8"
    epochs: int = 10
    batch: int = 128
    lr: float = 0.1
    eps: float = 0.1
    norm: str = "linf"
    steps: int = 10
    alpha: float = 0.1
    penalty: float = 0.1
    wmim_weight: float = 0.1
    warmup: int = 1
    clip: float = 5.0
    crop: int = 2
    units: int = 512
    first: int = 5
    optimised: int = 1
    estimator_lr: float = 1e-3
    optimised_lr: float = 1e-4
    precision: str = "float32"

    def __post_init__(self) -> None:
        check_choice(self.study, "study", tuple(TRAINED))
        check_count(self.n, "n", low=2)
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
        """The rows that are wanted."""
        return tuple(self.variants if self.rows is None else self.rows)

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
