"""Messages where something that a computation needs is missing."""

from __future__ import annotations

import streamlit as st

from advmi_core.data import DataNotFoundError
from advmi_core.ui.widgets.plain import plain

_PLACES = "Looked at:"
PROBLEMS = (ValueError, DataNotFoundError)
"""What a computation raises where the visitor can mend it; its text is a sentence for people."""


def say(error: Exception) -> None:
    """Show such an error: in one sentence, where it looked for data folded away."""
    tell(str(error))


def tell(text: str) -> None:
    """Show the words of such an error, as a job keeps them."""
    brief, detail = _parts(text)
    st.error(brief if detail else plain(brief), icon=":material/error:")
    if detail:
        with st.expander("Where it was looked for"):
            st.code(detail, language=None)


def sentence(error: Exception) -> tuple[str, str]:
    """What is wrong and how to mend it; for absent data also the places where they were looked for.

    ``DataNotFoundError`` says in its first line what is missing and in its last how to get it.
    """
    return _parts(str(error))


def _parts(text: str) -> tuple[str, str]:
    lines = text.strip().splitlines()
    if len(lines) < 3 or not lines[0].endswith(_PLACES):
        return " ".join(line.strip() for line in lines), ""
    what = lines[0].removesuffix(_PLACES).strip()
    return f"{what} {lines[-1].strip()}", "\n".join(lines[1:-1])
