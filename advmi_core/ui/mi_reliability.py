"""The reliability table: which way of measuring gives the same order of images under two seeds."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import streamlit as st

from advmi_core import paths
from advmi_core.figures.violins import two_digits
from advmi_core.figures.words import number

COMMAND = "python benchmarks/reliability.py"
_COLUMNS = {
    "setting": "setting",
    "changed": "what differs",
    "mixed": "ε mixed",
    "eps_0.1": "ε = 0.1",
    "eps_0.3": "ε = 0.3",
    "icc_mixed": "ICC, ε mixed",
    "ms": "ms per image",
}
_WORDS = ("setting", "changed")


def kept() -> Path:
    """Where the benchmark's table lies."""
    return paths.assets() / "studies" / "reliability-fashion-mnist.json"


def draw() -> None:
    """The table with the command that made it, or how to make it."""
    st.subheader("From noise to a measurement", anchor=False)
    table = _read(kept())
    if table is None:
        st.caption(f"There is no table here yet; `{COMMAND}` measures it.")
        return
    st.caption(
        f"Rank correlation between two seeds, the same {table['images']} images: 1 the same order, 0 chance. "
        f"★ is what AdvMI measures by. Made by `{table['command']}`."
    )
    st.table([_row(row, table) for row in table["rows"]], border="horizontal", hide_index=True)


def _read(path: Path) -> dict[str, Any] | None:
    """The benchmark's file; None if there is none or it is not what the benchmark writes."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        good = {"command", "images", "default"} <= table.keys() and all(
            _COLUMNS.keys() <= row.keys() for row in table["rows"]
        )
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return table if good else None


def _row(row: dict[str, Any], table: dict[str, Any]) -> dict[str, str]:
    shown = {title: _text(name, row[name]) for name, title in _COLUMNS.items()}
    if row.get("images", table["images"]) != table["images"]:
        shown[_COLUMNS["changed"]] += f" ({row['images']} images)"
    return {" ": "★" if row["setting"] == table["default"] else "", **shown}


def _text(name: str, value: Any) -> str:
    if name in _WORDS:
        return str(value)
    known = math.nan if value is None else float(value)
    return number(known) if name == "ms" else two_digits(known)
