"""Autoencoders retrained on UAEs, on L2-UAEs, on noise and on nothing new (METHODS §4) [UAE, sec. 4.4].

A model is first trained on n images with the first seed: the base. New images are made for that one. Then
every row is trained from the initial weights of every seed, and measured on clean images no training saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Annotated, Any

from advmi_core import models
from advmi_core.augmentation import Augmentation
from advmi_core.fields import Field
from advmi_core.models import default_spec
from advmi_core.models.registry import skeleton
from advmi_core.objectives import Reconstruction
from advmi_core.studies.autoencoders.records import (
    NOISES,
    ORIGINAL,
    PROTOCOLS,
    ROWS,
    SAME_LOSS,
    SOLVED,
)
from advmi_core.studies.autoencoders.results import Cell
from advmi_core.studies.autoencoders.retraining import Retraining, distinct
from advmi_core.validate import check_choice

AUTOENCODERS = ("ae-dense", "ae-sparse", "ae-conv", "ae-adversarial")
MEASURED = {"test": "the test split", "validation": "the validation images"}
EPOCHS = {"ae-dense": 40, "ae-sparse": 40, "ae-conv": 20, "ae-adversarial": 12}
"""Model → epochs of a training where the study names none; other models take ``EPOCHS_OTHERWISE``."""
EPOCHS_OTHERWISE = 20
NOISE = {"ae-dense": 3.0}
"""Model → length of the noise nearest in loss, by `python benchmarks/uae_search.py` on validation images."""
NOISE_OTHERWISE = 0.5


@dataclass(frozen=True, kw_only=True)
class RetrainingSpec(Retraining):
    """Models × rows × seeds; frozen, JSON-serialisable through ``spec()``.

    Attributes:
        models: autoencoders, keys of ``MODELS``, all different.
        rows: some of ``ROWS``. ``original`` adds nothing, ``mine-uae-conv`` the published UAEs (random
            sampling where the model has no convolution), ``mine-uae-patches`` those by patches,
            ``solver-uae`` those of the solver with themselves as targets and ``solver-uae-x`` with x,
            ``l2-uae`` those by the L2 distance, ``gaussian`` noise that is as long, image by image, as the
            solver's UAEs, else as those of the first row that has some, and ``gaussian-loss`` noise with x
            as target, of the length that costs most nearly as much on clean images as ``solver-uae-x``.
        noise: length of that noise, in parts of the other's; None takes ``NOISE``.
        epochs: None takes ``EPOCHS``.
        share: of the chosen new images that are mixed in: the first of a shuffled list.
        device: auto, cuda, mps or cpu.
        others: see ``Retraining``.

    The protocols: every training on new images takes ``epochs`` times as many gradient steps as the doubled
    set 2n has batches, whatever their share, so that rows compare. ``equal-epochs`` gives the original
    ``epochs`` passes over its n images, half as many steps; ``equal-steps`` gives it as many steps.

    Raises:
        ValueError: a parameter is outside its range.
    """

    models: Sequence[str] = AUTOENCODERS
    rows: Sequence[str] = ROWS
    measured: Annotated[str, Field("Losses measured on", choices=MEASURED)] = "test"
    epochs: Annotated[
        int | None,
        Field(
            "Epochs",
            "Passes over the originals and the mixed-in UAEs; empty: the model's.",
            low=1,
            offered=(1, 200),
        ),
    ] = None
    share: Annotated[float, Field("UAEs mixed in", "Share of those that are chosen.", low=0, high=1)] = 1.0
    noise: Annotated[
        float | None, Field("Length of the noise", "In parts of the UAEs'; empty: the model's.", low=0)
    ] = None
    asr_images: Annotated[
        int, Field("Images for the success rate", "UAEs are made of them only to tell it.", low=0)
    ] = 1000  # fmt: skip
    fooled: Annotated[
        int,
        Field(
            "Images for a new attack",
            "The solver attacks every retrained network on them, to tell how much of the information a new "
            "UAE must leave.",
            low=0,
        ),
    ] = 64  # fmt: skip
    device: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("models", "rows"):
            object.__setattr__(self, name, distinct(getattr(self, name), name))
        for model in self.models:
            _check_model(model)
        for row in self.rows:
            check_choice(row, "rows", ROWS)
        if self.matched is None and any(row in NOISES for row in self.rows):
            raise ValueError(f"gaussian noise is as long as a row of UAEs, got no such row in {self.rows}")
        self.augmentation("mine-uae-conv", self.models[0])

    @property
    def title(self) -> str:
        """What people call the study."""
        return f"Retraining: {', '.join(self.models)}"

    @property
    def cells(self) -> list[Cell]:
        """(model, row, protocol) in the table's order."""
        return list(product(self.models, self.rows, PROTOCOLS))

    def target(self, row: str) -> str:
        return "original" if row == SAME_LOSS else SOLVED.get(row, self.targets)

    def length(self, row: str, model: str) -> float:
        if row != SAME_LOSS:
            return 1.0
        return NOISE.get(model, NOISE_OTHERWISE) if self.noise is None else self.noise

    def epochs_of(self, model: str) -> int:
        return EPOCHS.get(model, EPOCHS_OTHERWISE) if self.epochs is None else self.epochs

    def augmentation(self, row: str, model: str) -> Augmentation:
        if row in NOISES:
            return Augmentation(method="gaussian", part=self.part)
        if row == "l2-uae" or row in SOLVED:
            method = "l2-uae" if row == "l2-uae" else "solver-uae"
            return Augmentation(method=method, part=self.part, **self.strength)
        published = (
            "mine-conv" if Reconstruction(skeleton(model, (1, 28, 28), 10)).has_maps else "mine-random"
        )
        mi = "mine-patches" if row == "mine-uae-patches" else published
        return Augmentation(mi=mi, part=self.part, **self.strength)

    def spec(self) -> dict[str, Any]:
        """All parameters, those left to the defaults filled in."""
        rows = [row for row in self.rows if row != ORIGINAL]
        made = {model: {row: self.augmentation(row, model).spec() for row in rows} for model in self.models}
        epochs = {model: self.epochs_of(model) for model in self.models}
        noise = {model: self.length(SAME_LOSS, model) for model in self.models}
        return {"study": "retraining", **asdict(self), "epochs": epochs, "noise": noise, "made": made}


def _check_model(name: str) -> None:
    check_choice(name, "models", tuple(models.MODELS))
    default_spec(name)
    if not isinstance(skeleton(name, (1, 28, 28), 10), models.Autoencoder):
        raise ValueError(f"models must be autoencoders, got {name!r}")
