"""Defence: adversarial training with natural and adversarial mutual information, watched from its start."""

from __future__ import annotations

import streamlit as st

from advmi_core.studies.defence import user_folder
from advmi_core.ui import layout, long_jobs, work
from advmi_core.ui.defence import (
    form,
    run_view,
    tables,
    views,
)
from advmi_core.ui.widgets import callout
from advmi_core.ui.widgets.state import PageState, choice

PAGE = "defence"
SOURCE, RUN = "source", "run"
SOURCES = {"tables": "Full tables", RUN: "Your training"}
_LEAD = "Can a model be trained to listen to the picture more and to the perturbation less?"
_IDLE = (
    "What h says of x̃ depends on the picture (natural MI) and on the perturbation (adversarial MI): NAMID "
    "trains the first up and the second down. Start trains a Standard model, the estimators of both kinds of "
    "MI, and your defence, then attacks both models; with the settings at the left it takes a few minutes."
)
_WORDS = """
**e_n** is the natural MI I(x; h(x̃)), **e_a** the adversarial MI I(x̃ − x; h(x̃)), each by a local DIM estimator
trained on the Standard model: first to bound the MI (**Eq. 4**), then to tell x from x̃ (**Eq. 5**).
"""


def page() -> None:
    """Draw the page."""
    state = PageState(PAGE)
    layout.heading("Defence", _LEAD)
    options = [*form.options(), *views.options(), *tables.options()]
    layout.restore(state, [*options, choice(SOURCE, "tables", list(SOURCES))])
    layout.restore_run(state)
    left, right = st.columns([1, 3.1], gap="medium")
    with left:
        pressed = form.draw(state)
        st.caption(_WORDS)
    with right:
        long_jobs.start_or_find(
            state, form.lesson, "defence", user_folder(), pressed=pressed,
            begun=lambda: state.set(SOURCE, RUN),
        )  # fmt: skip
        if work.current(PAGE) is None:
            callout.box("note", "Nothing trained yet", _IDLE)
            tables.draw(state)
        else:
            _chosen(state)
    state.remember()


def _chosen(state: PageState) -> None:
    """A training of one's own, or the tables that came with AdvMI."""
    st.segmented_control(
        "Shown", **state.held_pick(SOURCE, SOURCES), format_func=SOURCES.__getitem__, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    draw = {"tables": tables.draw, RUN: run_view.draw}
    draw[str(state.value(SOURCE))](state)
