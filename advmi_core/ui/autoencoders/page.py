"""Autoencoders: does retraining on UAEs help them, and more than noise does?"""

from __future__ import annotations

import streamlit as st

from advmi_core import paths
from advmi_core.ui import layout, long_jobs, work
from advmi_core.ui.autoencoders import (
    features,
    form,
    latent,
    run_view,
    search,
    shipped,
    views,
)
from advmi_core.ui.widgets.state import PageState, choice

PAGE = "autoencoders"
SOURCE, RUN = "source", "run"
SOURCES = {
    "shipped": "Full table",
    "search": "How UAEs were chosen",
    "features": "Learned features",
    RUN: "Your run",
}
_LEAD = "Does an autoencoder rebuild clean images better after training on its own adversarial examples, too?"
_WORDS = """
A **UAE** is as unlike x as possible and yet rebuilt to x. Mixed into the training set, does it help more than
Gaussian noise of the same length? Twice the images mean twice the gradient steps: under **equal epochs** that
alone helps, under **equal gradient steps** the original gets as many.
"""


def page() -> None:
    """Draw the page."""
    state = PageState(PAGE)
    layout.heading("Autoencoders", _LEAD)
    options = [*form.options(), *views.options(), *latent.options()]
    layout.restore(state, [*options, choice(SOURCE, "shipped", list(SOURCES))])
    layout.restore_run(state)
    left, right = st.columns([1, 3.1], gap="medium")
    with left:
        pressed = form.draw(state)
        st.caption(_WORDS)
    with right:
        long_jobs.start_or_find(
            state, form.study, "retraining", paths.studies(), pressed=pressed,
            begun=lambda: state.set(SOURCE, RUN),
        )  # fmt: skip
        _VIEWS[_chosen(state)](state)
    state.remember()


def _chosen(state: PageState) -> str:
    """What is shown; a run of one's own only where there is one."""
    here = [name for name in SOURCES if name != RUN or work.current(PAGE) is not None]
    if state.value(SOURCE) not in here:
        state.set(SOURCE, "shipped")
    st.segmented_control(
        "Shown", **state.held_pick(SOURCE, here), format_func=SOURCES.__getitem__, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    return str(state.value(SOURCE))


_VIEWS = {
    "shipped": shipped.draw,
    "search": search.draw,
    "features": features.draw,
    RUN: run_view.draw,
}
