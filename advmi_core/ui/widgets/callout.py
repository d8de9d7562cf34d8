"""A sentence in a frame, and numbers in a row."""

from __future__ import annotations

from html import escape

import streamlit as st

from advmi_core.figures.text import Readout

_ICONS = {"good": "✓", "bad": "✗", "note": "○"}


def box(tone: str, title: str, text: str) -> None:
    """One sentence in a frame; tone is told by colour, line style, symbol and words."""
    st.html(
        f'<div class="verdict {tone}" role="status"><b>{_ICONS[tone]}&nbsp; {escape(title)}</b>'
        f"<span>{escape(text)}</span></div>"
    )


def readouts(shown: list[Readout]) -> None:
    """Small name, large number, in a row."""
    parts = [
        f'<div class="readout" title="{escape(item.help)}"><small>{escape(item.label)}</small>'
        f"<b>{escape(item.value)}</b></div>"
        for item in shown
    ]
    st.html(f'<div class="readouts">{"".join(parts)}</div>')


def of_other_settings(made: str) -> None:
    """Say that what is shown was ``made`` with other settings than those chosen now."""
    box("note", "Of other settings", f"What is shown below was made with {made}. Start makes it anew.")
