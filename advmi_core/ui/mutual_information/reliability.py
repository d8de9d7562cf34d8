"""The reliability table: which way of measuring gives the same order of images under two seeds."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from advmi_core.figures.text import number, two_digits
from advmi_core.ui.widgets import tables
from advmi_core.ui.widgets.state import PageState

COMMAND = "python benchmarks/reliability.py"
NAMES = {"fashion-mnist": "Fashion-MNIST", "mnist": "MNIST digits"}
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


def draw(state: PageState) -> None:
    """The table with the command that made it, or how to make it."""
    st.header("From noise to a measurement", anchor=False)
    tables = {name: table for name in NAMES if (table := _read(f"reliability-{name}"))}
    if not tables:
        st.caption(f"There is no table here yet; `{COMMAND}` measures it.")
        return
    name = st.segmented_control(
        "Images", list(tables), format_func=NAMES.__getitem__, default=next(iter(tables)), required=True,
        key=state.key("reliability-data"), label_visibility="collapsed",
    )  # fmt: skip
    table = tables[str(name)]
    st.caption(
        f"Rank correlation between two seeds, the same {table['images']} images: 1 the same order, 0 chance. "
        f"★ is what AdvMI measures by. {_levels(table['strengths'])} Made by `{table['command']}`."
    )
    st.table([_row(row, table) for row in table["rows"]], border="horizontal", hide_index=True)


def _levels(means: dict[str, Any]) -> str:
    """Does the number fall as the perturbation grows?"""
    pgd = ", ".join(f"{two_digits(mean)} (ε={eps})" for eps, mean in means["pgd"].items())
    return (
        f"Its mean over the images, in nats: the image itself {two_digits(means['itself'])}; PGD {pgd}; "
        f"an unrelated image {two_digits(means['unrelated image'])}."
    )


def _read(name: str) -> dict[str, Any] | None:
    """The benchmark's file; None if there is none or it is not what the benchmark writes."""
    table = tables.read(name, {"command", "images", "default", "strengths", "rows"})
    try:
        good = (
            table is not None
            and {"itself", "pgd", "unrelated image"} <= table["strengths"].keys()
            and all(_COLUMNS.keys() <= row.keys() for row in table["rows"])
        )
    except (AttributeError, TypeError):
        return None
    return table if good else None


def _row(row: dict[str, Any], table: dict[str, Any]) -> dict[str, str]:
    shown = {title: _text(name, row[name]) for name, title in _COLUMNS.items()}
    if row.get("images", table["images"]) != table["images"]:
        shown[_COLUMNS["changed"]] += f" ({row['images']} images)"
    return {"★": "★" if row["setting"] == table["default"] else "", **shown}


def _text(name: str, value: Any) -> str:
    if name in _WORDS:
        return str(value)
    known = math.nan if value is None else float(value)
    return number(known) if name == "ms" else two_digits(known)
