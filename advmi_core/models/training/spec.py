"""Parameters of a training: one frozen, JSON-serialisable record, with good values for every model."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Protocol

from advmi_core.models.registry import MODELS
from advmi_core.validate import check_choice, check_count, check_number

OPTIMIZERS = ("sgd", "adam")


class Spec(Protocol):
    """What splits, cards and progress files read of any training's parameters."""

    @property
    def model(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def validation(self) -> float: ...
    @property
    def seed(self) -> int: ...
    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """All parameters of a training; the same spec and data give the same weights on the same device.

    Attributes:
        model: a key of ``MODELS``.
        dataset: name of the data set.
        epochs: passes over the training part.
        batch: images per gradient step.
        lr: highest learning rate; it rises over the first ``warmup`` share and falls along a half cosine.
        warmup: share of the steps in which the learning rate rises, in [0,1).
        optimizer: ``sgd`` (Nesterov momentum 0.9) or ``adam``.
        weight_decay: L2 penalty inside the optimiser.
        smoothing: label smoothing of a classifier, in [0,1).
        flip: mirror each image left to right with probability ½.
        crop: shift each image by up to so many pixels in both directions, ≥ 0.
        sparsity: weight of the sparse autoencoder's KL term (METHODS §3: 3).
        adversary: weight of the adversarial autoencoder's game against its discriminator.
        validation: share of the training images held out to choose the epoch, in (0,1).
        half: store the weights as float16; they are rounded before they are measured.
        seed: of the split, the start, the order and the augmentation, ≥ 0.

    Raises:
        ValueError: a parameter is outside its range.
    """

    model: str
    dataset: str = "fashion-mnist"
    epochs: int = 10
    batch: int = 128
    lr: float = 1e-3
    warmup: float = 0.2
    optimizer: str = "adam"
    weight_decay: float = 0.0
    smoothing: float = 0.0
    flip: bool = False
    crop: int = 0
    sparsity: float = 0.0
    adversary: float = 0.0
    validation: float = 1 / 12
    half: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice(self.model, "model", tuple(MODELS))
        check_choice(self.optimizer, "optimizer", OPTIMIZERS)
        check_count(self.epochs, "epochs")
        check_count(self.batch, "batch")
        check_count(self.seed, "seed", low=0)
        check_count(self.crop, "crop", low=0)
        check_number(self.lr, "lr", low=0, above=True)
        check_number(self.warmup, "warmup", low=0, high=0.9)
        check_number(self.smoothing, "smoothing", low=0, high=0.9)
        check_number(self.validation, "validation", low=0, high=0.9, above=True)
        for name in ("weight_decay", "sparsity", "adversary"):
            check_number(getattr(self, name), name, low=0)

    def to_dict(self) -> dict[str, Any]:
        """All parameters as plain JSON values."""
        values = asdict(self)
        if not self.crop:  # a card without it is of a training without it
            del values["crop"]
        return values


_BEST: dict[str, dict[str, Any]] = {
    "cnn": {
        "epochs": 8,
        "lr": 0.05,
        "optimizer": "sgd",
        "weight_decay": 5e-4,
        "smoothing": 0.05,
        "flip": True,
    },
    "cnn-whitened": {
        "epochs": 11,
        "batch": 512,
        "lr": 0.5,
        "optimizer": "sgd",
        "weight_decay": 1e-3,
        "smoothing": 0.2,
        "flip": True,
        "crop": 2,
        "validation": 1 / 25,
        "half": True,
    },
    **{
        name: {"epochs": 20, "lr": 0.1, "optimizer": "sgd", "weight_decay": 5e-4, "flip": True}
        for name in ("resnet18", "resnet18-w8", "resnet18-w16", "wrn-34-10", "vgg19", "vgg19-w8")
    },
    "ae-dense": {"epochs": 20, "lr": 2e-2},
    "ae-sparse": {"epochs": 20, "lr": 2e-2, "sparsity": 3.0},
    "ae-conv": {"epochs": 8, "lr": 5e-3},
    "ae-adversarial": {"epochs": 8, "lr": 1e-3, "adversary": 1e-3, "half": True},
    "ae-concrete": {"epochs": 40, "lr": 5e-3, "warmup": 0.05},
    "simclr": {"epochs": 20, "lr": 2e-3, "batch": 256},
}


def default_spec(name: str, dataset: str = "fashion-mnist") -> TrainSpec:
    """The spec that made the shipped weights of a model.

    Raises:
        ValueError: unknown model.
    """
    check_choice(name, "model", tuple(_BEST))
    return TrainSpec(model=name, dataset=dataset, **_BEST[name])


def options(spec: TrainSpec) -> str:
    """The command-line options by which a spec differs from its model's default, such as ``--epochs 3``."""
    usual = default_spec(spec.model, spec.dataset)
    parts = []
    for field in fields(spec):
        value = getattr(spec, field.name)
        if field.default is MISSING or value == getattr(usual, field.name):
            continue
        flag = field.name.replace("_", "-")
        parts.append(
            f"--{flag}" if value is True else f"--no-{flag}" if value is False else f"--{flag} {value}"
        )
    return " ".join(parts)
