"""Mutual information: what it is, how it is estimated, and where the estimates go wrong."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from advmi_core.ui import layout
from advmi_core.ui.mutual_information import (
    bounds,
    one_image,
    overshoot,
    picture,
    sampling,
)
from advmi_core.ui.widgets.state import PageState, choice

PAGE = "mutual-information"
_LEAD = "How much does one thing tell about another? Drag it, estimate it, and see where estimates go wrong."
_SECTIONS: dict[str, tuple[str, Callable[[PageState], None]]] = {
    "picture": ("What MI is", picture.section),
    "bounds": ("MINE on a known truth", bounds.section),
    "overshoot": ("Why DV overshoots", overshoot.section),
    "image": ("One image, its maps", one_image.section),
    "sampling": ("Conv against random sampling", sampling.section),
}


def page() -> None:
    """Draw the page; only the chosen section is computed."""
    state = PageState(PAGE)
    layout.heading("Mutual information", _LEAD)
    layout.restore(state, [choice("section", "picture", tuple(_SECTIONS))])
    st.segmented_control(
        "Section",
        **state.held_pick("section", _SECTIONS),
        format_func=lambda name: _SECTIONS[name][0],
        required=True,
        label_visibility="collapsed",
        width="stretch",
    )
    _SECTIONS[str(state.value("section"))][1](state)
    state.remember()
