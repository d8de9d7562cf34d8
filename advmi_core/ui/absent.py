"""What a page says where something that a computation needs is not there."""

from __future__ import annotations

import streamlit as st

from advmi_core.data import DataNotFoundError
from advmi_core.ui.plain import plain

PROBLEMS = (ValueError, DataNotFoundError)
"""What a computation raises where the visitor can mend it; its text is a sentence for people."""


def say(error: Exception) -> None:
    """Show such an error: in one sentence, where it looked for data folded away."""
    brief, detail = sentence(error)
    st.error(brief if detail else plain(brief), icon=":material/error:")
    if detail:
        with st.expander("Where it was looked for"):
            st.code(detail, language=None)


def sentence(error: Exception) -> tuple[str, str]:
    """What is wrong and how to mend it; for absent data also the places where they were looked for.

    ``DataNotFoundError`` says in its first line what is missing and in its last how to get it.
    """
    lines = str(error).strip().splitlines()
    if not isinstance(error, DataNotFoundError) or len(lines) < 3:
        return " ".join(line.strip() for line in lines), ""
    what = lines[0].removesuffix("Looked at:").strip()
    return f"{what} {lines[-1].strip()}", "\n".join(lines[1:-1])
