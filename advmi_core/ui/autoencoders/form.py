"""The left column of Autoencoders: which autoencoder, how many images, which UAEs, and Start."""

from __future__ import annotations

from typing import Any

import streamlit as st

from advmi_core.data import ImageSet
from advmi_core.fields import Parameter
from advmi_core.figures.autoencoders.series import title
from advmi_core.studies.autoencoders import ROWS, RetrainingStudy
from advmi_core.studies.autoencoders.records import ORIGINAL
from advmi_core.ui import resources
from advmi_core.ui.widgets import form
from advmi_core.ui.widgets.state import Option, PageState, choice, number, several

OFFERED = tuple(row for row in ROWS if row != ORIGINAL)
_USUAL = ("mine-uae-conv", "solver-uae", "l2-uae", "gaussian")
FEWEST, USUAL = 60, 180
_VALIDATION = 200
_MOST_SEEDS = 10
_FEW = 1000  # images below which 128 a gradient step would leave too few steps to learn anything


@st.cache_resource(show_spinner="Loading images …", max_entries=2)
def training(dataset: str = resources.DATASET) -> ImageSet:
    """The training split that a study is about."""
    return resources.loaded(dataset, "train")


def options() -> list[Option]:
    """The form's parameters in the URL."""
    return [
        choice("data", resources.DATASET, list(resources.picture_sets())),
        several("models", ["ae-conv"], list(resources.AUTOENCODERS)),
        several("rows", _USUAL, list(OFFERED)),
        number("seeds", 2, 1, _MOST_SEEDS),
        number("share", 100, 0, 100),
        *(form.option(parameter) for parameter in _fields().values()),
    ]


def _fields() -> dict[str, Parameter]:
    """The study's parameters that are offered as they are: first those of the trainings, then of the UAEs."""
    offered: dict[str, dict[str, Any]] = {
        "n": {
            "default": min(USUAL, most()), "offered": (min(FEWEST, most()), most()),
            "help": f"The first n training images ({len(training())} of Fashion-MNIST are here), a UAE of "
            f"each. Below {_FEW} a gradient step takes 32 images, else 128.",
        },
        "epochs": {"default": 6}, "targets": {"called": "target"},
        "steps": {"called": "uae-steps", "default": 20},
        "inner": {"default": 1}, "alpha": {}, "start": {}, "mi_weight": {"called": "mi-weight"},
        "warmup": {"default": 0}, "eps": {}, "only_successful": {"called": "only-successful"},
    }  # fmt: skip
    return {name: form.of(RetrainingStudy, name, **changes) for name, changes in offered.items()}


def most() -> int:
    """Training images that are left, of the largest data set here, beside those for the curves."""
    others = [
        resources.training_images(name) for name in resources.picture_sets() if name != resources.DATASET
    ]
    return max(1, max([len(training()), *others]) - _VALIDATION)


def draw(state: PageState) -> bool:
    """Draw the form; True when Start was pressed."""
    with st.form(state.key("form"), border=True, enter_to_submit=False):
        pressed = st.form_submit_button(
            "Start", type="primary", icon=":material/play_arrow:", width="stretch",
            help="Trains anew on your choice below. What was computed before is loaded.",
        )  # fmt: skip
        st.pills(
            "Autoencoders", selection_mode="multi", **state.held_pick("models", resources.AUTOENCODERS),
            format_func=resources.AUTOENCODERS.__getitem__,
        )  # fmt: skip
        st.pills(
            "Compared with the original", selection_mode="multi", **state.held_pick("rows", OFFERED),
            format_func=title,
        )  # fmt: skip
        names = resources.picture_sets()
        st.selectbox(
            "Data", **state.held_choice("data", names), format_func=names.__getitem__,
            help="The data sets on this machine. `advmi data get cifar10` fetches one, and so does a folder "
            "named in ADVMI_DATA.",
        )  # fmt: skip
        images, epochs, target, *making = _fields().values()
        left, right = st.columns(2)
        with left:
            form.control(state, images)
            st.number_input(
                "Seeds", 1, _MOST_SEEDS, **state.held("seeds"),
                help="Trainings of every kind: a claim needs two, and more make its interval narrower.",
            )  # fmt: skip
        with right:
            form.control(state, epochs)
            form.control(state, target)
        st.slider(
            "UAEs mixed in, %", 0, 100, step=10, **state.held("share"),
            help="100: a UAE beside every original (of the successful ones); 0: nothing is added.",
        )  # fmt: skip
        with st.expander("How UAEs are made"):
            columns = st.columns(2)
            for place, parameter in enumerate(making):
                with columns[place % 2]:
                    form.control(state, parameter)
    return pressed


def study(state: PageState) -> RetrainingStudy:
    """The study that the form describes.

    Raises:
        ValueError: nothing is chosen, or a value is no good.
    """
    chosen = tuple(name for name in resources.AUTOENCODERS if name in state.value("models"))
    if not chosen:
        raise ValueError("Choose at least one autoencoder.")
    n = int(state.value("n"))
    rows = (ORIGINAL, *(row for row in OFFERED if row in state.value("rows")))
    return RetrainingStudy(
        dataset=str(state.value("data")), models=chosen, rows=rows, validation=_VALIDATION,
        batch=32 if n < _FEW else 128,
        seeds=tuple(range(int(state.value("seeds")))), share=int(state.value("share")) / 100,
        asr_images=0, fooled=0, **{name: state.value(each.name) for name, each in _fields().items()},
    )  # fmt: skip
