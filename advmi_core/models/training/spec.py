"""Parameters of a training: one frozen, JSON-serialisable record, with good values for every model."""

from __future__ import annotations

import math
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Annotated, Any, ClassVar, Protocol

from advmi_core.fields import SEED, Field, check_fields
from advmi_core.models.registry import MODELS
from advmi_core.validate import check_choice

VALIDATION = Field(
    "Validation", "Share of the training images held out to choose the epoch.", low=0, high=0.9, above=True
)


class DataclassInstance(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class Spec(Protocol):
    """What loop, splits, cards and progress files read of any training's parameters."""

    @property
    def model(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def validation(self) -> float: ...
    @property
    def lr(self) -> float: ...
    @property
    def batch(self) -> int: ...
    @property
    def seed(self) -> int: ...
    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """All parameters of a training; the same spec and data give the same weights on the same device.

    Raises:
        ValueError: a parameter is outside its range.
    """

    model: Annotated[str, Field("Model", choices={name: name for name in MODELS})]
    dataset: str = "fashion-mnist"
    epochs: Annotated[int, Field("Epochs", "Passes over the training part.", low=1)] = 10
    batch: Annotated[int, Field("Batch", "Images per gradient step.", low=1)] = 128
    lr: Annotated[
        float, Field("Learning rate", "The highest; it falls along a half cosine.", low=0, above=True)
    ] = 1e-3
    warmup: Annotated[
        float, Field("Warm-up", "Share of the steps in which the learning rate rises.", low=0, high=0.9)
    ] = 0.2
    optimizer: Annotated[
        str, Field("Optimiser", choices={"sgd": "SGD with Nesterov momentum 0.9", "adam": "Adam"})
    ] = "adam"
    weight_decay: Annotated[float, Field("Weight decay", "L2 penalty in the optimiser.", low=0)] = 0.0
    smoothing: Annotated[float, Field("Label smoothing", "Of a classifier.", low=0, high=0.9)] = 0.0
    flip: Annotated[bool, Field("Mirror", "Each image left to right with probability ½.")] = False
    crop: Annotated[int, Field("Crop", "Shift each image by up to so many pixels either way.", low=0)] = 0
    sparsity: Annotated[
        float, Field("Sparsity", "Weight of the sparse autoencoder's KL term; published: 3.", low=0)
    ] = 0.0
    adversary: Annotated[
        float, Field("Adversary", "Weight of the adversarial autoencoder's game.", low=0)
    ] = 0.0  # fmt: skip
    validation: Annotated[float, VALIDATION] = 1 / 12
    half: Annotated[bool, Field("Half", "Store float16 weights, rounded before they are measured.")] = False
    seed: Annotated[int, SEED] = 0

    def __post_init__(self) -> None:
        check_fields(self)

    def learning_rate(self, step: int, total: int) -> float:
        """Of a step 0…total−1: a linear rise to ``lr``, then half a cosine towards 0."""
        rise = self.warmup * total
        if step < rise:
            return self.lr * (step + 1) / (rise + 1)
        return self.lr * 0.5 * (1 + math.cos(math.pi * (step - rise) / (total - rise)))

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


def options(spec: DataclassInstance, usual: DataclassInstance) -> str:
    """The command-line options by which a spec differs from its command's defaults: ``--epochs 3``."""
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
