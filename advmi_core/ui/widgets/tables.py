"""Tables that benchmarks leave in assets/studies, and what a page says where one is not there."""

from __future__ import annotations

from typing import Any

import streamlit as st

from advmi_core.studies import shipped
from advmi_core.studies.shipped import folder
from advmi_core.ui.widgets import callout

__all__ = ["folder", "missing", "read"]


def read(name: str, keys: set[str]) -> dict[str, Any] | None:
    """A benchmark's JSON object; None if there is none, or it lacks one of the keys."""
    return shipped.read(name, keys, folder())


def missing(heading: str, command: str, more: str = "") -> None:
    """Say that there is no table, and how to make it."""
    callout.box(
        "note", heading, f"The command below computes it, and goes on where it stopped. {more}".strip()
    )
    st.code(command, language="bash")
