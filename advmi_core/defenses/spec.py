"""Parameters of the training of a defence: one frozen, JSON-serialisable record."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from advmi_core.attacks.core.ball import NORMS
from advmi_core.defenses.losses import NAMID_TERMS
from advmi_core.defenses.methods import DEFENSES, Defense
from advmi_core.models import MODELS
from advmi_core.validate import check_choice, check_count, check_number

MILESTONES = (0.75, 0.9)
"""Shares of the epochs after which the learning rate is divided by 10 (published: after 75 and 90 of 100)."""
MOMENTUM = 0.9
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class DefenseSpec:
    """All parameters; the same spec, data and estimators give the same weights on the same device.

    Attributes:
        defense: a key of ``DEFENSES``.
        model: a classifier of ``MODELS``.
        dataset: name of the data set.
        epochs, batch: passes over the training images, images per gradient step over all processes
            (published: 100 and 1024).
        lr: learning rate of SGD with momentum 0.9; divided by 10 after 75 % and 90 % of the epochs.
        weight_decay: L2 penalty.
        eps: radius ε of the ball around x that x̃ is sought in.
        norm: ``"linf"`` or ``"l2"``.
        steps: PGD steps of ε/4 towards x̃, on the running model in evaluation mode.
        alpha: weight α of NAMID's term.
        penalty: λ inside NAMID's term.
        terms: which estimators NAMID's term has: ``"both"``, ``"natural"`` or ``"adversarial"`` alone.
        wmim_weight: weight w of the standard MI that WMIM adds to what is maximised.
        delay: epochs before α and w begin to rise from 0 (published: none). The estimators learnt on the
            logits of a finished model; on a fresh network's they say less than 0 nats, and there the cosine
            of NAMID's term is as content with two MI that are both negative as with two that are positive.
        warmup: epochs in which α and w rise linearly after that (published: none). A fresh network's logits
            hardly differ, so all MI is near 0, where a cosine's gradient has no bound.
        clip: longest gradient (L2 norm over all weights) that is followed as it is; 0 sets no limit, as
            published. Where few rows are selected NAMID's gradient was seen to be a hundred times that of
            Standard AT (2 to 7 on the cnn), and the weights ran away.
        weight: weight of TRADES's or MART's second term; None takes the published 6 or 5.
        crop: random shift in pixels, 0 for none.
        flip: mirror images at random.
        validation: share of the training images held out to choose the epoch, in (0,1).
        precision: of the classifier's forward passes, ``"float32"`` or ``"bfloat16"``; losses and MI are
            always float32.
        channels_last: keep weights and images with the channels last in memory.
        seed: of split, start, order, augmentation and noise, ≥ 0.

    Raises:
        ValueError: a parameter is outside its range.
    """

    defense: str
    model: str
    dataset: str = "fashion-mnist"
    epochs: int = 100
    batch: int = 128
    lr: float = 0.1
    weight_decay: float = 2e-4
    eps: float = 8 / 255
    norm: str = "linf"
    steps: int = 10
    alpha: float = 5.0
    penalty: float = 0.1
    terms: str = "both"
    wmim_weight: float = 0.1
    delay: int = 0
    warmup: int = 1
    clip: float = 5.0
    weight: float | None = None
    crop: int = 4
    flip: bool = True
    validation: float = 1 / 12
    precision: str = "float32"
    channels_last: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice(self.defense, "defense", tuple(DEFENSES))
        check_choice(self.model, "model", tuple(name for name in MODELS if not name.startswith("ae-")))
        check_choice(self.norm, "norm", NORMS)
        check_choice(self.terms, "terms", NAMID_TERMS)
        check_choice(self.precision, "precision", PRECISIONS)
        for name in ("epochs", "batch", "steps"):
            check_count(getattr(self, name), name)
        for name in ("crop", "delay", "warmup", "seed"):
            check_count(getattr(self, name), name, low=0)
        check_number(self.lr, "lr", low=0, above=True)
        check_number(self.validation, "validation", low=0, high=0.9, above=True)
        for name in ("weight_decay", "eps", "alpha", "penalty", "wmim_weight", "clip"):
            check_number(getattr(self, name), name, low=0)
        if self.weight is not None:
            check_number(self.weight, "weight", low=0)
        for name in ("flip", "channels_last"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be True or False, got {getattr(self, name)!r}")

    @property
    def method(self) -> Defense:
        """The defence by that name."""
        return DEFENSES[self.defense]

    @property
    def second_weight(self) -> float:
        """The weight of the second term of TRADES or MART."""
        return self.method.base.weight if self.weight is None else self.weight

    def learning_rate(self, epoch: int) -> float:
        """The learning rate of an epoch 0…epochs−1."""
        return self.lr * 0.1 ** sum(epoch >= share * self.epochs for share in MILESTONES)

    def strength(self, epochs: float) -> float:
        """The share of α and w after so many epochs, fractions counted."""
        since = epochs - self.delay
        if since < 0:
            return 0.0
        return min(1.0, since / self.warmup) if self.warmup else 1.0

    def to_dict(self) -> dict[str, Any]:
        """All parameters as plain JSON values; ``terms`` and ``delay`` only where they are not as published.

        What was trained before there was a choice keeps its name and its card that way.
        """
        published = {"terms": "both", "delay": 0}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in published or published[name] != value
        }
