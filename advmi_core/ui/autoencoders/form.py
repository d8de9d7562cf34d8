"""The left column of Autoencoders: which autoencoder, how many images, which UAEs, and Start."""

from __future__ import annotations

import streamlit as st

from advmi_core.data import ImageSet
from advmi_core.figures.autoencoders.series import title
from advmi_core.studies.autoencoders import ROWS, RetrainingStudy
from advmi_core.studies.autoencoders.records import ORIGINAL
from advmi_core.ui import resources
from advmi_core.ui.widgets.state import Option, PageState, choice, flag, number, several

OFFERED = tuple(row for row in ROWS if row != ORIGINAL)
_USUAL = ("mine-uae-conv", "solver-uae", "l2-uae", "gaussian")
TARGETS = {"self": "x̃ itself", "original": "its original x"}
FEWEST, USUAL = 60, 180
_VALIDATION = 200
_MOST_SEEDS = 10
_FEW = 1000  # images below which 128 a gradient step would leave too few steps to learn anything
_AUTOMATIC = "Left empty, each kind of UAE takes what was best on held-out images."


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
        number("n", min(USUAL, most()), min(FEWEST, most()), most()),
        number("seeds", 2, 1, _MOST_SEEDS),
        number("epochs", 6, 1, 200),
        number("share", 100, 0, 100),
        choice("target", "self", list(TARGETS)),
        flag("only-successful", True),
        number("uae-steps", 20, 1, 200),
        number("inner", 1, 1, 50),
        Option("alpha", None, number("alpha", 0.01, 0.001, 10.0).read),
        Option("start", None, number("start", 0.086, 0.0, 1.0).read),
        Option("mi-weight", None, number("mi-weight", 1.0, 0.0, 1000.0).read),
        number("warmup", 0, 0, 1000),
        number("eps", 1.0, 0.01, 1.0),
    ]


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
        left, right = st.columns(2)
        left.number_input(
            "Images n", min(FEWEST, most()), most(), step=100, **state.held("n"),
            help=f"The first n training images ({len(training())} of Fashion-MNIST are here), a UAE of "
            f"each. Below {_FEW} a gradient step takes 32 images, else 128.",
        )  # fmt: skip
        right.number_input(
            "Epochs", 1, 200, **state.held("epochs"), help="Passes over the originals and the mixed-in UAEs."
        )
        left.number_input(
            "Seeds", 1, _MOST_SEEDS, **state.held("seeds"),
            help="Trainings of every kind: a claim needs two, and more make its interval narrower.",
        )  # fmt: skip
        right.selectbox(
            "A UAE's target", **state.held_choice("target", TARGETS), format_func=TARGETS.__getitem__,
            help="What the autoencoder is to rebuild from x̃: x̃ itself (as published), or x (denoising).",
        )  # fmt: skip
        st.slider(
            "UAEs mixed in, %", 0, 100, step=10, **state.held("share"),
            help="100: a UAE beside every original (of the successful ones); 0: nothing is added.",
        )  # fmt: skip
        with st.expander("How UAEs are made"):
            _making(state)
    return pressed


def _making(state: PageState) -> None:
    left, right = st.columns(2)
    left.number_input(
        "Iterations",
        1,
        200,
        **state.held("uae-steps"),
        help="Steps of δ by the published rule; the solver takes five times as many.",
    )
    right.number_input(
        "Inner steps", 1, 50, **state.held("inner"), help="Critic steps per iteration; published: 20."
    )
    left.number_input(
        "Step size α", 0.001, 10.0, format="%.4g", **state.held("alpha"),
        placeholder="automatic", help=f"Published: 0.01, with which a UAE is mostly its start. {_AUTOMATIC}",
    )  # fmt: skip
    right.number_input(
        "Start ±", 0.0, 1.0, format="%.4g", **state.held("start"),
        placeholder="automatic", help=f"δ begins uniform in this range; published: 0.086. {_AUTOMATIC}",
    )  # fmt: skip
    left.number_input(
        "Weight w of I", 0.0, 1000.0, format="%.4g", **state.held("mi-weight"),
        placeholder="automatic", help=f"How hard unlikeness pulls; published: 1. {_AUTOMATIC}",
    )  # fmt: skip
    right.number_input(
        "Warm-up", 0, 1000, **state.held("warmup"),
        help="Iterations before the first in which only the critic learns. Published: none, and then the MI "
        "rises whatever x̃ does, so that the smallest is the first success's. The full table takes what was "
        "best.",
    )  # fmt: skip
    left.number_input("Budget ε: |δᵢ| ≤ ε", 0.01, 1.0, format="%.4g", **state.held("eps"))
    st.toggle(
        "Only successes", **state.held("only-successful"),
        help="Leave out UAEs that Φ reconstructs worse than x itself.",
    )  # fmt: skip


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
        dataset=str(state.value("data")), models=chosen, rows=rows, n=n, validation=_VALIDATION,
        batch=32 if n < _FEW else 128,
        seeds=tuple(range(int(state.value("seeds")))), epochs=int(state.value("epochs")),
        share=int(state.value("share")) / 100, targets=str(state.value("target")),
        only_successful=bool(state.value("only-successful")), steps=int(state.value("uae-steps")),
        inner=int(state.value("inner")), alpha=state.value("alpha"), start=state.value("start"),
        mi_weight=state.value("mi-weight"), warmup=int(state.value("warmup")), eps=float(state.value("eps")),
        asr_images=0, fooled=0,
    )  # fmt: skip
