"""The reliability table of per-image MI (`benchmarks/reliability.py`) in words and lines."""

from __future__ import annotations

import math
from typing import Any

from advmi_core.figures.text import fixed, number

KEYS = {"command", "images", "default", "strengths", "rows"}
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


def fits(table: dict[str, Any]) -> bool:
    """Whether a table has all that is shown here."""
    try:
        told = {"itself", "pgd", "unrelated image"} <= table["strengths"].keys()
        return told and all(_COLUMNS.keys() <= row.keys() for row in table["rows"])
    except (AttributeError, TypeError):
        return False


def caption(table: dict[str, Any]) -> str:
    """What the numbers are, how they fall as the perturbation grows, and the command that made them."""
    return (
        f"Rank correlation between two seeds, the same {table['images']} images: 1 the same order, 0 chance. "
        f"★ is what AdvMI measures by. {_levels(table['strengths'])} Made by `{table['command']}`."
    )


def rows(table: dict[str, Any]) -> list[dict[str, str]]:
    """One line a setting, the default marked by ★."""
    return [_row(row, table) for row in table["rows"]]


def _levels(means: dict[str, Any]) -> str:
    """Does the number fall as the perturbation grows?"""
    pgd = ", ".join(f"{fixed(mean)} (ε={eps})" for eps, mean in means["pgd"].items())
    return (
        f"Its mean over the images, in nats: the image itself {fixed(means['itself'])}; PGD {pgd}; "
        f"an unrelated image {fixed(means['unrelated image'])}."
    )


def _row(row: dict[str, Any], table: dict[str, Any]) -> dict[str, str]:
    shown = {title: _text(name, row[name]) for name, title in _COLUMNS.items()}
    if row.get("images", table["images"]) != table["images"]:
        shown[_COLUMNS["changed"]] += f" ({row['images']} images)"
    return {"★": "★" if row["setting"] == table["default"] else "", **shown}


def _text(name: str, value: Any) -> str:
    if name in _WORDS:
        return str(value)
    known = math.nan if value is None else float(value)
    return number(known) if name == "ms" else fixed(known)
