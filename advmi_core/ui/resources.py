"""Images and models, loaded once a process and shared by all sessions; nothing here is ever changed."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import streamlit as st
import torch
from torch import Tensor

from advmi_core import data, models, paths
from advmi_core.attacks import MinMax
from advmi_core.data import DataChoice, ImageSet
from advmi_core.data.own import VARIABLE as DATASETS
from advmi_core.device import pick, tune_cpu
from advmi_core.models import ModelChoice, checkpoints, zoo
from advmi_core.models.base import Classifier, Shape
from advmi_core.models.own import VARIABLE as MODELS
from advmi_core.models.own import entry_points, registered
from advmi_core.objectives import Classification, Reconstruction
from advmi_core.studies.defence import trained_models, user_folder

DATASET = "fashion-mnist"
CLASSIFIER, AUTOENCODER = f"cnn@{DATASET}", f"ae-conv@{DATASET}"
PHOTOGRAPHER = zoo.EMBEDDED[0]
AUTOENCODERS = {
    "ae-conv": "convolutional",
    "ae-dense": "dense",
    "ae-sparse": "sparse",
    "ae-adversarial": "adversarial",
    "ae-concrete": "concrete",
}
"""Those that the page Autoencoders trains."""
_SHAPES = ((1, 28, 28), (3, 32, 32))
_MOST_VALUES = 1 << 25  # of a data set at hand: 128 MiB, all of Fashion-MNIST and CIFAR-10, 222 photographs
_SHOWN = 10  # images of a showcase
_LOOKED_AT = 400 * 28 * 28  # values that a model is asked about for it
_LOG = logging.getLogger(__name__)


class UnreadableError(ValueError):
    """A data set that a page cannot do without is damaged; the message is for people."""


@st.cache_resource(show_spinner="Loading images …", max_entries=8)
def images(name: str = DATASET, shape: Shape | None = None) -> ImageSet:
    """The images that all pages pick from; none where this machine has none of that data set.

    They are of the test split, or of the only one there is, and the first of it where it is large.

    Args:
        name: of ``data_here`` or of the catalogue.
        shape: (C,H,W) that a model takes; None leaves the data set's own.

    Raises:
        UnreadableError: its files are damaged.
    """
    known = data_here().get(name)
    if known is None:
        facts = data.CATALOG[name]
        none = torch.empty(0, *(shape or facts.shape)), torch.empty(0, dtype=torch.int64)
        return ImageSet(*none, facts.classes, name, "test", "not on this machine", True)
    channels, height, width = shape or known.shape
    most = max(1, _MOST_VALUES // (channels * height * width))
    split = "test" if "test" in known.sizes else next(iter(known.sizes))
    try:
        return loaded(name, split, shape, most)
    except data.DataNotFoundError as error:  # it went since it was listed
        raise UnreadableError(str(error).splitlines()[0]) from error


def loaded(name: str, split: str, shape: Shape | None = None, limit: int | None = None) -> ImageSet:
    """One split of a data set that is on this machine.

    Raises:
        UnreadableError: its files are damaged.
        DataNotFoundError: it is not here.
    """
    try:
        return data.load(name, split=split, download=False, shape=shape, limit=limit)
    except data.DataNotFoundError:
        raise
    except ValueError as error:
        raise UnreadableError(str(error)) from error


def data_here() -> dict[str, DataChoice]:
    """Name → data set of which images are on this machine, one's own first."""
    folders = tuple(os.environ.get(name, "") for name in ("ADVMI_DATA", "ADVMI_CACHE", DATASETS))
    return _data_here(folders)


@st.cache_resource(ttl=10, max_entries=8, show_spinner=False)
def _data_here(folders: tuple[str, ...]) -> dict[str, DataChoice]:
    return {found.name: found for found in data.choices() if found.shape[1] > 1}  # no tables


def picture_sets() -> dict[str, str]:
    """Name → title of the data sets of which both splits are here, of a size that all autoencoders take."""
    fitting = {
        found.name: found.title
        for found in data_here().values()
        if set(found.sizes) == {*data.SPLITS} and found.shape in _SHAPES
    }
    return {DATASET: fitting.pop(DATASET, data.CATALOG[DATASET].title), **fitting}


def training_images(name: str) -> int:
    """How many images the training split of a data set of ``picture_sets`` has."""
    return data_here()[name].sizes["train"]


@st.cache_resource(show_spinner="Loading the model …")
def model(name: str) -> Any:
    """A trained, frozen model by the name of one of ``models_here``.

    Raises:
        ValueError: it cannot be loaded; the sentence says why.
    """
    folder, _, own = name.partition("/")
    weights = user_folder() / folder / f"{own}.safetensors" if own else None
    return models.load(own or name, dataset=DATASET, device="auto", weights=weights)


@dataclass(frozen=True)
class Offer:
    """What can be attacked here.

    Attributes:
        known: model by name.
        complaints: a sentence for every model of one's own that cannot be.
    """

    known: dict[str, ModelChoice]
    complaints: tuple[str, ...]


def offer() -> Offer:
    """All models that are here: one's own, the shipped ones, the fetched ones, those of the page Defence."""
    folder, fetched = user_folder(), [zoo.folder() / prefix[:-1] for prefix in zoo.PREFIXES]
    # Building and reading all takes longer than looking whether something came or went since the last look.
    stamps = [
        (str(path), path.stat().st_mtime_ns)
        for path in (*sorted(folder.glob("*")), *fetched, *sorted((paths.assets() / "weights").glob("*")))
        if path.exists()
    ]
    return _offer(folder, tuple(stamps), os.environ.get(MODELS, ""))


@st.cache_resource(max_entries=4, show_spinner=False)
def _offer(folder: Path, stamps: tuple[tuple[str, int], ...], named: str) -> Offer:
    known = {found.name: found for found in models.choices()}
    for trained in trained_models(folder):
        name, card = name_of(trained.weights), checkpoints.card_of(trained.weights)
        channels, height, width = card["shape"]
        known[name] = ModelChoice(
            name, trained.title, "classifier", (channels, height, width), card["classes"], DATASET
        )
    complaints = [_refusal(name) for name in (*registered(), *entry_points()) if name not in known]
    return Offer(known, tuple(filter(None, complaints)))


def _refusal(name: str) -> str:
    try:
        models.load(name)
    except ValueError as error:
        return f"{name} cannot be used: {error}"
    return ""


def models_here(kind: str) -> dict[str, ModelChoice]:
    """Name → model of a kind, "classifier" or "autoencoder"."""
    return {name: found for name, found in offer().known.items() if found.kind == kind}


def name_of(weights: Path) -> str:
    """The name by which ``model`` finds a model that was trained on the page Defence: "FOLDER/MODEL"."""
    return f"{weights.parent.name}/{weights.stem}"


def classes_of(name: str, of: ImageSet) -> tuple[str, ...]:
    """The names of a classifier's answers; those of the images where nobody named its own, or it has none."""
    net = model(name)
    if not isinstance(net, Classifier) or (not net.class_names and net.classes == len(of.classes)):
        return of.classes
    return net.class_names or tuple(f"class {number}" for number in range(net.classes))


def labels(name: str, of: ImageSet) -> tuple[Tensor, str]:
    """(N,) labels in the model's numbering, and why they are its own answers where they are.

    Raises:
        ValueError: the model cannot take the images.
    """
    net = model(name)
    if not isinstance(net, Classifier) or of.classes == net.class_names or not len(of):
        return of.y, ""
    found: tuple[Tensor, str] = _labels(name, of.digest(), of.classes, of)
    return found


@st.cache_resource(max_entries=64, show_spinner=False)
def _labels(name: str, digest: str, classes: tuple[str, ...], _of: ImageSet) -> tuple[Tensor, str]:
    return models.labels_for(model(name), _of)


@st.cache_resource(show_spinner=False)
def showcase(name: str = CLASSIFIER, dataset: str = DATASET) -> list[int]:
    """Index of the first correctly classified image of ten classes at most; else the first of all.

    An autoencoder classifies none: the first image of every class is shown.
    """
    net = model(name)
    chosen = images(dataset, net.in_shape)
    some = chosen.take(range(min(len(chosen), max(_SHOWN, _LOOKED_AT // max(1, chosen.x[:1].numel())))))
    y, _ = labels(name, some)
    right = predict(name, some.x) == y if isinstance(net, Classifier) and len(some) else y >= 0
    first: dict[int, int] = {}
    for index in torch.nonzero(right).flatten().tolist():
        first.setdefault(int(some.y[index]), index)
    return [first[label] for label in sorted(first)][:_SHOWN] or [0]


def predict(name: str, x: Tensor) -> Tensor:
    """(B,) the model's own answer, used as y where the true label is unknown."""
    with torch.no_grad():
        answer: Tensor = model(name)(x.to(device())).argmax(1)
    return answer.cpu()


@cache
def device() -> torch.device:
    """Where models lie and attacks compute: ``$ADVMI_DEVICE``, which ``advmi app --device`` sets, or auto."""
    return pick()


@cache
def start() -> None:
    """Once a process: set up the CPU, and load and warm up what the first click needs, in the background."""
    tune_cpu()
    # Pages and workers share the interpreter: hand it over quickly, or every short operation of a worker
    # waits for a whole time slice of a page.
    sys.setswitchinterval(5e-4)
    _spare_the_collector()
    threading.Thread(target=_warm_up, name="advmi-warm-up", daemon=True).start()


@cache
def settle() -> None:
    """After the first page was drawn: what lives now lives on."""
    _spare_the_collector()


def _spare_the_collector() -> None:
    """Streamlit collects garbage after every redraw: 0.3 s if it had to look through all of torch."""
    gc.collect()
    gc.freeze()


def _warm_up() -> None:
    # The first run of every operation is slow; a lecturer's first click should not pay for it.
    try:
        tune_cpu()
        torch.set_num_threads(1)
        import_module("advmi_core.ui.attack.frame")  # with the plotting libraries
        chosen = data.load(DATASET, split="test", download=False).take([0])
        for name in (CLASSIFIER, AUTOENCODER):
            net = models.load(name, device="auto")
            objective = Classification(net, chosen.y) if name == CLASSIFIER else Reconstruction(net)
            MinMax(steps=2)(objective, chosen.x)
        _spare_the_collector()
    except ValueError:
        _LOG.exception("warming up failed; the pages will say what is missing")
