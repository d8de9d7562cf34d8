"""Images and models, loaded once a process and shared by all sessions; nothing here is ever changed."""

from __future__ import annotations

import gc
import logging
import sys
import threading
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import streamlit as st
import torch
from torch import Tensor

from advmi_core import data, models
from advmi_core.attacks import MinMax
from advmi_core.data import ImageSet
from advmi_core.device import pick, tune_cpu
from advmi_core.objectives import Classification, Reconstruction
from advmi_core.studies.defence import trained_models, user_folder

DATASET = "fashion-mnist"
CLASSIFIER = "cnn"
AUTOENCODERS = {
    "ae-conv": "convolutional",
    "ae-dense": "dense",
    "ae-sparse": "sparse",
    "ae-adversarial": "adversarial",
    "ae-concrete": "concrete",
}
_DIGITS = "mnist"
_SHAPES = ((1, 28, 28), (3, 32, 32))
_LOG = logging.getLogger(__name__)


class UnreadableError(ValueError):
    """A data set that a page cannot do without is damaged; the message is for people."""


@st.cache_resource(show_spinner="Loading images …")
def images(name: str = DATASET) -> ImageSet:
    """The test split that all pages pick from; without images where this machine has none of it.

    Raises:
        UnreadableError: its files are damaged.
    """
    try:
        return loaded(name, "test")
    except data.DataNotFoundError:
        facts = data.CATALOG[name]
        none = torch.empty(0, *facts.shape), torch.empty(0, dtype=torch.int64)
        return ImageSet(*none, facts.classes, name, "test", "not on this machine", True)


def loaded(name: str, split: str) -> ImageSet:
    """One split of a data set that is on this machine.

    Raises:
        UnreadableError: its files are damaged.
        DataNotFoundError: it is not here.
    """
    try:
        return data.load(name, split=split, download=False)
    except data.DataNotFoundError:
        raise
    except ValueError as error:
        raise UnreadableError(str(error)) from error


def dataset_of(model_name: str) -> str:
    """The data set whose images a model of :func:`model` takes."""
    return model_name.partition("@")[2] or DATASET


def picture_sets() -> dict[str, str]:
    """Name → title of the data sets of which both splits are here, of a size that all autoencoders take."""
    sized = [entry for entry in data.CATALOG.values() if entry.shape in _SHAPES]
    here = {
        entry.name: entry.title
        for entry in sized
        if {status.split for status in data.available(entry.name) if status.used} == {*data.SPLITS}
    }
    own = {name: f"{name} (your own)" for name, found in data.own_sets().items() if found.shape in _SHAPES}
    return {DATASET: here.pop(DATASET), **here, **own}


def training_images(name: str) -> int:
    """How many images the training split of a data set of ``picture_sets`` has."""
    own = data.own_sets().get(name)
    return data.CATALOG[name].sizes["train"] if own is None else own.sizes["train"]


@st.cache_resource(show_spinner="Loading the model …")
def model(name: str, dataset: str = DATASET) -> Any:
    """A trained, frozen model by name: shipped, "MODEL@DATASET", or the user's own (see ``name_of``)."""
    folder, _, own = name.partition("/")
    weights = user_folder() / folder / f"{own}.safetensors" if own else None
    shipped, _, other = name.partition("@")
    return models.load(own or shipped, dataset=other or dataset, device="auto", weights=weights)


def autoencoders() -> dict[str, str]:
    """Name → title of the shipped autoencoders, those of Fashion-MNIST first; digits can be drawn."""
    titles = {name: f"{name} ({title})" for name, title in AUTOENCODERS.items()}
    digits = [name for name in titles if name in models.available().get(_DIGITS, ())]
    return titles | {f"{name}@{_DIGITS}": f"{titles[name]}, MNIST digits" for name in digits}


def name_of(weights: Path) -> str:
    """The name by which ``model`` finds a model that was trained on the page Defence: "FOLDER/MODEL"."""
    return f"{weights.parent.name}/{weights.stem}"


def classifiers() -> dict[str, str]:
    """Name → title of the classifiers that can be attacked: the shipped ones, then the user's own."""
    folder = user_folder()
    # Reading all cards takes longer than looking whether a training came or went since the last look.
    trainings = tuple((path.name, path.stat().st_mtime_ns) for path in sorted(folder.glob("*")))
    shipped = {CLASSIFIER: "CNN, clothes (Fashion-MNIST)"}
    if CLASSIFIER in models.available().get(_DIGITS, ()):
        shipped[f"{CLASSIFIER}@{_DIGITS}"] = "CNN, digits (MNIST)"
    return shipped | _own(folder, trainings)


@st.cache_data(max_entries=4, show_spinner=False)
def _own(folder: Path, trainings: tuple[tuple[str, int], ...]) -> dict[str, str]:
    return {name_of(trained.weights): trained.title for trained in trained_models(folder)}


@st.cache_resource(show_spinner=False)
def showcase(name: str = DATASET) -> list[int]:
    """Index of the first correctly classified image of every class that has one; else the first of all."""
    chosen = images(name)
    right = predict(CLASSIFIER, chosen.x[:400], name) == chosen.y[:400]
    first: dict[int, int] = {}
    for index in torch.nonzero(right).flatten().tolist():
        first.setdefault(int(chosen.y[index]), index)
    return [first[label] for label in sorted(first)] or [0]


def predict(name: str, x: Tensor, dataset: str = DATASET) -> Tensor:
    """(B,) the model's own answer, used as y where the true label is unknown."""
    with torch.no_grad():
        answer: Tensor = model(name, dataset)(x.to(device())).argmax(1)
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
        for name in (CLASSIFIER, "ae-conv"):
            net = models.load(name, dataset=DATASET, device="auto")
            objective = Classification(net, chosen.y) if name == CLASSIFIER else Reconstruction(net)
            MinMax(steps=2)(objective, chosen.x)
        _spare_the_collector()
    except ValueError:
        _LOG.exception("warming up failed; the pages will say what is missing")
