"""Autoencoders: does retraining on UAEs help them, and more than noise does?"""

from __future__ import annotations

import streamlit as st

from advmi_core.jobs import journal
from advmi_core.parts import user_folder
from advmi_core.studies.autoencoders import RetrainingStudy
from advmi_core.studies.autoencoders.records import part_in_hand
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
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import PageState, choice

PAGE = "autoencoders"
SOURCE = "source"
SOURCES = {
    "shipped": "Full table",
    "search": "How UAEs were chosen",
    "features": "Learned features",
    "run": "Your run",
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
        if pressed:
            _start(state)
        _find_again(state)
        _VIEWS[_chosen(state)](state)
    state.remember()


def _start(state: PageState) -> None:
    try:
        study = form.study(state)
    except ValueError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    title, key = f"Retraining: {', '.join(study.models)}", _key(study)
    state.set(SOURCE, "run")
    entry = long_jobs.entry(state, key, title)
    # One thread, as its trainings have anyway: the other core draws.
    long_jobs.start(
        PAGE, key,
        lambda: work.submit(
            PAGE, lambda: journal.kept(study.run(user_folder()), entry, part_in_hand), label=title,
            about=study, rows=1, lane=work.STUDIES, keep=long_jobs.ALL_STEPS,
        ),
    )  # fmt: skip


def _key(study: RetrainingStudy) -> str:
    return journal.key_of("retraining", study.spec())


def _find_again(state: PageState) -> None:
    try:
        key = _key(form.study(state))
    except ValueError:
        return  # Start will say what is wrong
    long_jobs.find_journalled(state, PAGE, key, lambda: _start(state))


def _chosen(state: PageState) -> str:
    """What is shown; a run of one's own only where there is one."""
    here = [name for name in SOURCES if name != "run" or work.current(PAGE) is not None]
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
    "run": run_view.draw,
}
