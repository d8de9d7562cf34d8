"""What all pages share: style, heading, presenter mode, restored parameters."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
import torch

from advmi_core.paths import assets
from advmi_core.ui import resources
from advmi_core.ui.state import PRESENTER, Option, PageState


def apply() -> None:
    """Process start-up, style sheets and presenter mode; once a script run, before the page."""
    resources.start()
    torch.set_num_threads(1)  # of this script run's thread: single pictures gain nothing from more
    if PRESENTER not in st.session_state:
        st.session_state[PRESENTER] = st.query_params.get(PRESENTER) == "1"
    # Streamlit drops the value of a widget that was not drawn: the page below draws it again.
    st.session_state[PRESENTER] = st.session_state[PRESENTER]
    st.html(assets() / "css" / "app.css")
    if st.session_state[PRESENTER]:
        st.html(assets() / "css" / "presenter.css")


def heading(title: str, lead: str) -> None:
    """Title, one sentence, presenter switch."""
    left, right = st.columns([5, 1], vertical_alignment="center")
    with left:
        st.title(title, anchor=False)
        st.html(f'<p class="lead">{lead}</p>')
    with right.container(horizontal=True, horizontal_alignment="right"):
        st.toggle("Presenter", key=PRESENTER, help="Larger type for a projector.", width="content")


def restore(state: PageState, options: Sequence[Option]) -> None:
    """Give the parameters their values and say which parts of the link were no good."""
    for complaint in state.restore(options):
        st.warning(complaint, icon=":material/link_off:")
