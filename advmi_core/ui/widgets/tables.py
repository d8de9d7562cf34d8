"""Tables that benchmarks leave in assets/studies, and what a page says where one is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from advmi_core import paths
from advmi_core.files import parse_json
from advmi_core.ui.widgets import callout


def folder() -> Path:
    """Where they lie."""
    return paths.assets() / "studies"


def read(name: str, keys: set[str]) -> dict[str, Any] | None:
    """A benchmark's JSON object; None if there is none, or it lacks one of the keys."""
    try:
        table = parse_json((folder() / f"{name}.json").read_text(encoding="utf-8"))
        return table if keys <= table.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


def missing(heading: str, command: str, more: str = "") -> None:
    """Say that there is no table, and how to make it."""
    callout.box(
        "note", heading, f"The command below computes it, and goes on where it stopped. {more}".strip()
    )
    st.code(command, language="bash")
