"""Parameters of every retraining study: the images, the trainings, and how new images are made and used."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from advmi_core.augmentation import Augmentation, Strength
from advmi_core.augmentation.spec import PART
from advmi_core.fields import Field, check_fields
from advmi_core.studies.autoencoders.records import PROTOCOLS, longest
from advmi_core.validate import check_choice, check_count

TARGETS = {"self": "x̃ itself", "original": "its original x"}


@dataclass(frozen=True, kw_only=True)
class Retraining(Strength, ABC):
    """The parameters that all retraining studies have; a base of each.

    Attributes:
        validation: images after those, for the curves and for every choice.
        seeds: of the trainings, ≥ 0, all different; the first one's original is the base.
        targets: what a new image is to be rebuilt to, or matched with.
        only_successful: noise is chosen where the UAE it matches is.
        eps, steps, inner, alpha, start, mi_weight, warmup: of the UAEs, see ``Strength``.

    Raises:
        ValueError: a parameter is outside its range.
    """

    dataset: str = "fashion-mnist"
    n: Annotated[
        int, Field("Images n", "The first n training images, a UAE of each.", low=1, step=100)
    ] = 5000  # fmt: skip
    validation: Annotated[int, Field("Validation images", low=1)] = 1000
    seeds: Sequence[int] = (0, 1, 2)
    batch: Annotated[int, Field("Batch", "Images per gradient step.", low=1)] = 128
    targets: Annotated[
        str,
        Field(
            "A UAE's target",
            "What the autoencoder is to rebuild from x̃: x̃ itself (as published), or x (denoising).",
            choices=TARGETS,
        ),
    ] = "self"
    only_successful: Annotated[
        bool, Field("Only successes", "Leave out UAEs that Φ reconstructs worse than x itself.")
    ] = True
    part: Annotated[int, PART] = 250

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "seeds", distinct(self.seeds, "seeds"))
        for seed in self.seeds:
            check_count(seed, "seeds", low=0)

    @property
    @abstractmethod
    def rows(self) -> Sequence[str]:
        """What networks are trained on."""

    @property
    def share(self) -> float:
        """Of the chosen new images that are mixed in, in [0,1]."""
        return 1.0

    @property
    def matched(self) -> str | None:
        """The row whose lengths Gaussian noise has."""
        return longest(self.rows)

    def target(self, row: str) -> str:
        """What a row's new images are to be rebuilt to, one of ``TARGETS``."""
        return self.targets

    def length(self, row: str, model: str) -> float:
        """How long a row's noise is, in parts of the UAEs of ``matched``."""
        return 1.0

    @abstractmethod
    def epochs_of(self, model: str) -> int:
        """Epochs of this model's trainings."""

    @abstractmethod
    def augmentation(self, row: str, model: str) -> Augmentation:
        """How a row's new images are made for a model."""

    def gradient_steps(self, model: str, protocol: str) -> int:
        """Gradient steps of the original under a protocol; trainings on new images have ``equal-steps``'."""
        check_choice(protocol, "protocol", PROTOCOLS)
        images = self.n if protocol == PROTOCOLS[0] else 2 * self.n
        return self.epochs_of(model) * math.ceil(images / self.batch)


def distinct(values: Sequence[Any], name: str) -> tuple[Any, ...]:
    """The values as a tuple.

    Raises:
        ValueError: there is none, or one is there twice.
    """
    found = tuple(values)
    if not found or len(set(found)) < len(found):
        raise ValueError(f"{name} must be at least one and all different, got {found}")
    return found
