"""The left column of Defence: the loss with its weights, how much is trained, and Start."""

from __future__ import annotations

import streamlit as st

from advmi_core.data import ImageSet
from advmi_core.defenses import DEFENSES
from advmi_core.studies.defence import DefenceStudy
from advmi_core.ui import resources
from advmi_core.ui.widgets.form import SHORT
from advmi_core.ui.widgets.state import Option, PageState, choice, number

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
    return [
        choice("loss", _USUAL.defense, tuple(DEFENSES)),
        number("alpha", _USUAL.alpha, 0.0, 10.0),
        number("penalty", _USUAL.penalty, 0.0, 1.0),
        number("eps", _USUAL.eps, 0.0, 0.3),
        choice("model", _USUAL.model, tuple(MODELS)),
        number("images", _usual_images(), _fewest(), len(training())),
        number("epochs", _USUAL.epochs, 1, 100),
        number("pgd-steps", _USUAL.steps, 1, 50),
        number("test-images", min(_USUAL.measured, _measurable()), 1, _measurable()),
        number("seed", 0, 0, 10**6),
    ]


def _fewest() -> int:
    return min(_FEWEST, len(training()))


def _measurable() -> int:
    """Test images at most."""
    return max(1, min(_MOST_MEASURED, len(resources.images())))


def _usual_images() -> int:
    return min(_USUAL.n, len(training()))


def draw(state: PageState) -> bool:
    """Draw the form; True when Start was pressed."""
    with st.form(state.key("form"), border=True, enter_to_submit=False):
        pressed = st.form_submit_button(
            "Start", type="primary", icon=":material/play_arrow:", width="stretch",
            help="What was trained before is loaded: another loss, α or λ trains only the defence anew.",
        )  # fmt: skip
        st.selectbox(
            "Loss", **state.held_choice("loss", DEFENSES), format_func=lambda name: DEFENSES[name].title,
            help="NAMID adds natural and adversarial MI to Standard, to TRADES (_T) or to MART (_M).",
        )  # fmt: skip
        st.slider(
            "Weight α: L = L(adv) + α L(mi)", 0.0, 10.0, step=0.1, **state.held("alpha"),
            help="NAMID's losses only. Published: 5, over 100 epochs; in few epochs on few images 1 already "
            "keeps the model from learning to classify. 0 leaves the mutual information out.",
        )  # fmt: skip
        st.slider(
            "Weight λ: L(mi) = … + λ (eₐ − eₙ)", 0.0, 1.0, step=0.05,
            **state.held("penalty"),
            help="How hard adversarial MI e_a is pushed down and natural MI e_n up, inside L_mi; "
            "NAMID's losses only; published: 0.1.",
        )  # fmt: skip
        st.slider(
            "Budget ε: |δᵢ| ≤ ε", 0.0, 0.3, step=0.01, **state.held("eps"), format=SHORT,
            help="Largest change of a pixel, in the trainings and in the attacks on their models. "
            "Another ε trains everything anew.",
        )  # fmt: skip
        with st.expander("More parameters"):
            _more(state)
    return pressed


def _more(state: PageState) -> None:
    st.selectbox("Model", **state.held_choice("model", MODELS), format_func=MODELS.__getitem__)
    left, right = st.columns(2)
    left.number_input(
        "Images", _fewest(), len(training()), step=100, **state.held("images"),
        help=f"The first of the {len(training())} training images here; 15 % are held out for the curves.",
    )  # fmt: skip
    right.number_input("Epochs", 1, 100, **state.held("epochs"), help="Of Standard and of the defence.")
    left.number_input(
        "PGD steps", 1, 50, **state.held("pgd-steps"), help="Towards x̃ in training, each ε/4; published: 10."
    )
    right.number_input(
        "Test images", 1, _measurable(), step=10, **state.held("test-images"),
        help="Both models are attacked on the first of the test images, when the training has ended.",
    )  # fmt: skip
    left.number_input("Seed", 0, 10**6, **state.held("seed"))


def lesson(state: PageState) -> DefenceStudy:
    """What the form describes.

    Raises:
        ValueError: a value is no good.
    """
    model = str(state.value("model"))
    return DefenceStudy(
        defense=str(state.value("loss")), model=model, dataset=resources.DATASET,
        n=int(state.value("images")), measured=int(state.value("test-images")),
        epochs=int(state.value("epochs")), lr=_RATES[model], eps=float(state.value("eps")),
        steps=int(state.value("pgd-steps")), alpha=float(state.value("alpha")),
        penalty=float(state.value("penalty")), seed=int(state.value("seed")),
    )  # fmt: skip
