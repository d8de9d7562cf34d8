"""Parameters of the training of a defence: one frozen, JSON-serialisable record."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from advmi_core.attacks.core.base import NORM
from advmi_core.defenses.losses import NAMID_TERMS
from advmi_core.defenses.methods import DEFENSES, Defense
from advmi_core.fields import SEED, Field, Registered, check_fields
from advmi_core.models import MODELS
from advmi_core.models.training.spec import VALIDATION

MILESTONES = (0.75, 0.9)
"""Shares of the epochs after which the learning rate is divided by 10 (published: after 75 and 90 of 100)."""
MOMENTUM = 0.9
DEFENSE = Field(
    "Loss",
    "NAMID adds natural and adversarial MI to Standard, to TRADES (_T) or to MART (_M). "
    + "; ".join(f"{each.title}: {each.paper}" for each in DEFENSES.values()),
    choices=Registered(DEFENSES, lambda defense: defense.title), main=True,
)  # fmt: skip
MODEL = Field("Model", choices={name: name for name in MODELS if not name.startswith("ae-")})
EPOCHS = Field("Epochs", "Passes over the training images. Published: 100.", low=1, offered=(1, 100))
BATCH = Field("Batch", "Images per gradient step over all processes. Published: 1024.", low=1)
RATE = Field("Learning rate", "Divided by 10 after 75 % and 90 % of the epochs.", low=0, above=True)
EPS = Field(
    "Budget ε: |δᵢ| ≤ ε", "Largest change of a pixel that x̃ is sought with in training.",
    low=0, offered=(0, 0.3), step=0.01, slider=True, main=True,
)  # fmt: skip
STEPS = Field(
    "PGD steps", "Towards x̃ in training, each ε/4; published: 10.", low=1, offered=(1, 50)
)  # fmt: skip
ALPHA = Field(
    "Weight α: L = L(adv) + α L(mi)",
    "NAMID's losses only. Published: 5, over 100 epochs; in few epochs on few images 1 already keeps the "
    "model from learning to classify. 0 leaves the mutual information out.",
    low=0, offered=(0, 10), step=0.1, slider=True, main=True,
)  # fmt: skip
PENALTY = Field(
    "Weight λ: L(mi) = … + λ (eₐ − eₙ)",
    "How hard adversarial MI e_a is pushed down and natural MI e_n up, inside L_mi; NAMID's losses only; "
    "published: 0.1.",
    low=0, offered=(0, 1), step=0.05, slider=True, main=True,
)  # fmt: skip
CROP = Field("Crop", "Random shift in pixels, 0 for none.", low=0)
FLIP = Field("Mirror", "Images at random.")


@dataclass(frozen=True, kw_only=True)
class DefenseSpec:
    """All parameters; the same spec, data and estimators give the same weights on the same device.

    Attributes:
        lr: of SGD with momentum 0.9.
        steps: of PGD, on the running model in evaluation mode.
        delay: epochs before α and w begin to rise from 0 (published: none). The estimators learnt on the
            logits of a finished model; on a fresh network's they say less than 0 nats, and there the cosine
            of NAMID's term is as content with two MI that are both negative as with two that are positive.
        warmup: epochs in which α and w rise linearly after that (published: none). A fresh network's logits
            hardly differ, so all MI is near 0, where a cosine's gradient has no bound.
        clip: longest gradient (L2 norm over all weights) that is followed as it is; 0 sets no limit, as
            published. Where few rows are selected NAMID's gradient was seen to be a hundred times that of
            Standard AT (2 to 7 on the cnn), and the weights ran away.
        weight: None takes the published 6 or 5.
        precision: of the classifier's forward passes; losses and MI are always float32.

    Raises:
        ValueError: a parameter is outside its range.
    """

    defense: Annotated[str, DEFENSE]
    model: Annotated[str, MODEL]
    dataset: str = "fashion-mnist"
    epochs: Annotated[int, EPOCHS] = 100
    batch: Annotated[int, BATCH] = 128
    lr: Annotated[float, RATE] = 0.1
    weight_decay: Annotated[float, Field("Weight decay", "L2 penalty.", low=0)] = 2e-4
    eps: Annotated[float, EPS] = 8 / 255
    norm: Annotated[str, NORM] = "linf"
    steps: Annotated[int, STEPS] = 10
    alpha: Annotated[float, ALPHA] = 5.0
    penalty: Annotated[float, PENALTY] = 0.1
    terms: Annotated[
        str, Field("Estimators of NAMID's term", choices={name: name for name in NAMID_TERMS})
    ] = "both"  # fmt: skip
    wmim_weight: Annotated[
        float, Field("Weight w", "Of the standard MI that WMIM adds to what is maximised.", low=0)
    ] = 0.1
    delay: Annotated[int, Field("Delay", "Epochs before α and w begin to rise.", low=0)] = 0
    warmup: Annotated[int, Field("Warm-up", "Epochs in which α and w rise after that.", low=0)] = 1
    clip: Annotated[float, Field("Clip", "Longest gradient; 0 sets no limit.", low=0)] = 5.0
    weight: Annotated[float | None, Field("Weight of TRADES's or MART's second term", low=0)] = None
    crop: Annotated[int, CROP] = 4
    flip: Annotated[bool, FLIP] = True
    validation: Annotated[float, VALIDATION] = 1 / 12
    precision: Annotated[
        str, Field("Precision", choices={"float32": "float32", "bfloat16": "bfloat16"})
    ] = "float32"  # fmt: skip
    channels_last: Annotated[bool, Field("Channels last", "In memory.")] = True
    seed: Annotated[int, SEED] = 0

    def __post_init__(self) -> None:
        check_fields(self)

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
