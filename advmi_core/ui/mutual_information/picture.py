"""Entropies as areas: a signal, a noise and what arrives, to be dragged; summed in the browser."""

from __future__ import annotations

from functools import cache
from typing import Any

import streamlit as st

from advmi_core.ui import layout
from advmi_core.ui.widgets.components import source
from advmi_core.ui.widgets.state import PRESENTER, PageState, number

_OPTIONS = [
    number("x-centre", 32.0, 0, 63),
    number("x-distance", 32.0, 0, 63),
    number("x-width", 3.0, 0.5, 16),
    number("n-width", 3.0, 0, 8),
]
_DRAGGED = {"x-centre": "centre", "x-distance": "distance", "x-width": "width", "n-width": "noise"}
_WORDS = """
Somebody sends **X**, noise **N** is added on the way, **Z** arrives. Mutual information is how much of X
one still knows from Z: **H(X)** if nothing was lost, **0** if Z says nothing about X.

Here X is an *image*, N the *perturbation* δ, Z the *adversarial example* x̃ = x + δ. An attack does not roll
dice for δ, it chooses it; MI still tells how much of x is left in x̃.
"""
_WHY = """
Independent noise has the same entropy for every x, so H(Z|X) is H(N). *Shuffled* pairs every x with
a foreign z: a critic that can tell the two pictures of pairs apart measures I. That is what MINE trains.
"""


@cache
def _component() -> Any:
    parts = ("dom.js", "mi_channel.js", "mi_handle.js", "mi_density.js", "mi_pictures.js", "mi_picture.js")
    return st.components.v2.component("advmi_mi_picture", css=source("mi_picture.css"), js=source(*parts))


def section(state: PageState) -> None:
    """Draw the section."""
    layout.restore(state, _OPTIONS)
    left, right = st.columns([1, 2.9], gap="medium")
    with left:
        st.markdown(_WORDS)
        st.latex(r"\small I(X;Z)=\sum_{x,z}p(x,z)\,\log\frac{p(x,z)}{p(x)\,p(z)}")
        st.latex(r"\small I(X;Z)=H(Z)-H(Z\mid X)")
        st.caption(_WHY)
    with right:
        values = {theirs: float(state.value(ours)) for ours, theirs in _DRAGGED.items()}
        data = {"values": values, "large": bool(st.session_state.get(PRESENTER))}
        dragged = _component()(key=state.key("picture"), data=data, on_dragged_change=lambda: None).dragged
    for ours, theirs in _DRAGGED.items():
        if dragged:
            state.set(ours, float(dragged[theirs]))
