"""Frame of all pages: style, heading, presenter mode, restored parameters."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import streamlit as st
import torch

from advmi_core.device import describe
from advmi_core.paths import assets
from advmi_core.ui import resources, work
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import PRESENTER, Option, PageState

_SWITCH = "presenter-switch"
import_module("pandas")  # whole before any chart: plotly takes it half imported while another thread is at it


def apply() -> None:
    """Process start-up, style sheets and presenter mode; once a script run, before the page."""
    resources.start()
    torch.set_num_threads(1)  # of this script run's thread: single pictures gain nothing from more
    if PRESENTER not in st.session_state:
        st.session_state[PRESENTER] = st.query_params.get(PRESENTER) == "1"
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
        # A key of its own: Streamlit drops a widget's value when its page is left in the middle of a run.
        st.session_state[_SWITCH] = st.session_state[PRESENTER]
        st.toggle(
            "Presenter", key=_SWITCH, on_change=_switch, help="Larger type for a projector.", width="content"
        )


def footer() -> None:
    """Where this app computes."""
    st.caption(f"Computing on {describe(resources.device())}")


def unreadable(error: ValueError) -> None:
    """In the place of a page whose images are damaged."""
    st.error(plain(f"The images cannot be read: {error}. Mend or remove that file."), icon=":material/error:")
    st.caption("Without ADVMI_DATA the app takes the images in its cache, or those that came with it.")


def _switch() -> None:
    st.session_state[PRESENTER] = st.session_state[_SWITCH]


def restore(state: PageState, options: Sequence[Option], owner: str = "") -> None:
    """Give the parameters their values and say which parts of the link were no good."""
    for complaint in state.restore(options, owner):
        st.warning(plain(complaint), icon=":material/link_off:")


def restore_run(state: PageState, section: str = "") -> None:
    """Show the run that the link names, as after a reload; from now on the link names the run shown.

    Args:
        state: of the page.
        section: of a page with a run in each of several sections.
    """
    page = state.key(section) if section else state.page
    told = state.carry(f"{section}.{work.JOB}" if section else work.JOB)
    if told is not None and work.current(page) is None and not work.join(page, told):
        st.caption(":material/info: The run of this link is no longer kept here. Start computes it anew.")
