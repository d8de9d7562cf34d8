"""Finished trainings of one model on one row's images, on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from advmi_core import __version__
from advmi_core.models import Autoencoder, build, default_spec
from advmi_core.parts import Floats, Parts, read_arrays
from advmi_core.studies.autoencoders.images import Images
from advmi_core.studies.autoencoders.records import NOISES, ORIGINAL
from advmi_core.studies.autoencoders.spec import RetrainingSpec

_WEIGHTS = "weights/"
_ARRAYS = ("curve", "losses", "kept", "after", "after_adv")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What is kept of a training.

    Attributes:
        loss: training loss, mean over the last epoch.
        curve: (E,) validation loss after every epoch.
        losses: (N,) loss of each measured image.
        kept: (K,) of the information in the first K of them, the share that a new UAE keeps; NaN without one.
        after, after_adv: (n,C,H,W) the first originals and new images, rebuilt.
        weights: name → values; of a base only.
    """

    loss: float
    curve: Floats
    losses: Floats
    kept: Floats
    after: Floats
    after_adv: Floats
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)


class Shelf:
    """The folder of one model's trainings on one row's images; studies with the same share it.

    Args:
        study: what is computed.
        model: whose trainings.
        row: what it learns.
        images: the study's images.
        directory: where the folders lie.
        device: kind of the computing device.
    """

    def __init__(
        self, study: RetrainingSpec, model: str, row: str, images: Images, directory: Path, device: str
    ) -> None:
        self._model, self._images = model, images
        self._epochs, self._fooled = study.epochs_of(model), min(study.fooled, len(images.measured))
        spec = _spec(study, model, images, device) | _row_spec(study, model, row)
        self.parts = Parts(directory, f"retrain-{model}-{row}", spec)
        self.parts.open()

    def write(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Keep a training."""
        arrays = {
            "loss": np.asarray(outcome.loss, np.float32),
            **{key: getattr(outcome, key) for key in _ARRAYS},
            **{_WEIGHTS + key: values for key, values in outcome.weights.items()},
        }
        self.parts.write_arrays(name, arrays, seconds)

    def read(self, name: str, *, weights: bool) -> Outcome | None:
        """A training; None if it is missing, damaged, or without the weights that are asked for."""
        arrays = read_arrays(self.parts.part(name)) or {}
        held = {key.removeprefix(_WEIGHTS): kept for key, kept in arrays.items() if key.startswith(_WEIGHTS)}
        shapes = {
            "loss": (), "curve": (self._epochs,), "losses": (len(self._images.measured),),
            "kept": (self._fooled,),
        }  # fmt: skip
        if any(key not in arrays or arrays[key].shape != shape for key, shape in shapes.items()):
            return None
        if "after" not in arrays or "after_adv" not in arrays or (weights and self._network(held) is None):
            return None
        return Outcome(float(arrays["loss"]), **{key: arrays[key] for key in _ARRAYS}, weights=held)

    def network(self, outcome: Outcome) -> Autoencoder:
        """The trained network, frozen; ValueError if its weights were not kept."""
        network = self._network(outcome.weights)
        if network is None:
            raise ValueError(f"the weights of this training of {self._model} were not kept")
        return network

    def _network(self, weights: dict[str, NDArray[Any]]) -> Autoencoder | None:
        channels, height, width = self._images.x.shape[1:]
        network = build(self._model, (channels, height, width))
        try:
            network.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()})
        except RuntimeError:
            return None
        assert isinstance(network, Autoencoder)  # the study takes no other models
        return network.freeze()


def state(network: Autoencoder) -> dict[str, NDArray[Any]]:
    """A network's weights and buffers as arrays."""
    return {key: value.detach().cpu().numpy().copy() for key, value in network.state_dict().items()}


def _spec(study: RetrainingSpec, model: str, images: Images, device: str) -> dict[str, Any]:
    """Everything that a training depends on beside its row, seed and schedule."""
    training = default_spec(model, study.dataset).to_dict() | {"batch": study.batch}
    training["epochs"] = study.epochs_of(model)
    del training["seed"]
    return {
        "advmi": __version__, "training": training, "images": images.hashes(), "device": device,
        "fooled": study.fooled,
    }  # fmt: skip


def _row_spec(study: RetrainingSpec, model: str, row: str) -> dict[str, Any]:
    """What the images of a row depend on."""
    if row == ORIGINAL:
        return {"row": row}
    return {
        "row": row,
        "base_seed": study.seeds[0],
        "targets": study.target(row),
        "share": study.share,
        "only_successful": study.only_successful,
        "as_long_as": study.matched if row in NOISES else None,
        "length": study.length(row, model),
        "made": study.augmentation(study.matched or row if row in NOISES else row, model).spec(),
    }
