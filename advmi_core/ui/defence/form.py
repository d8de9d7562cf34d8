"""The left column of Defence: the loss with its weights, how much is trained, and Start."""

from __future__ import annotations

from typing import Any

import streamlit as st

from advmi_core.data import ImageSet
from advmi_core.fields import Parameter
from advmi_core.studies.defence import DefenceStudy
from advmi_core.ui import resources
from advmi_core.ui.widgets import form
from advmi_core.ui.widgets.state import Option, PageState

MODELS = {"cnn": "CNN", "resnet18-w8": "ResNet-18, 8 channels"}
_RATES = {"cnn": 0.02, "resnet18-w8": 0.1}
_USUAL = DefenceStudy()
_FEWEST, _MOST_MEASURED = 100, 500


@st.cache_resource(show_spinner="Loading images …")
def training() -> ImageSet:
    """The training split that the page trains on."""
    return resources.loaded(resources.DATASET, "train")


def options() -> list[Option]:
    """The form's parameters in the URL."""
    return [form.option(parameter) for parameter in _fields().values()]


def _fields() -> dict[str, Parameter]:
    """The study's parameters that the page offers, within the images that are here."""
    images, measurable = len(training()), max(1, min(_MOST_MEASURED, len(resources.images())))
    offered: dict[str, dict[str, Any]] = {
        "defense": {"called": "loss"}, "alpha": {}, "penalty": {}, "eps": {}, "model": {"choices": MODELS},
        "n": {
            "called": "images", "default": min(_USUAL.n, images), "offered": (min(_FEWEST, images), images),
        },
        "epochs": {}, "steps": {"called": "pgd-steps"},
        "measured": {
            "called": "test-images", "default": min(_USUAL.measured, measurable), "offered": (1, measurable),
        },
        "seed": {},
    }  # fmt: skip
    return {name: form.of(DefenceStudy, name, **changes) for name, changes in offered.items()}


def draw(state: PageState) -> bool:
    """Draw the form; True when Start was pressed."""
    return form.form(
        state, list(_fields().values()),
        help="What was trained before is loaded: another loss, α or λ trains only the defence anew.",
    )  # fmt: skip


def lesson(state: PageState) -> DefenceStudy:
    """What the form describes.

    Raises:
        ValueError: a value is no good.
    """
    given = {name: state.value(parameter.name) for name, parameter in _fields().items()}
    return DefenceStudy(**given, dataset=resources.DATASET, lr=_RATES[given["model"]])
