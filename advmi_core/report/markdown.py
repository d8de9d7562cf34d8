"""Markdown that is the same for the same numbers: headings, paragraphs, tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NOTICE = "<!-- Written by `advmi report` from the shipped results; changes here get lost. -->"
_NOTHING = ("", "–")


def page(title: str, *parts: str) -> str:
    """A whole page; empty parts are left out."""
    return "\n\n".join([NOTICE, f"# {title}", *(part for part in parts if part)]) + "\n"


def section(title: str, *parts: str) -> str:
    """A part of a page with a heading of its own; "" if it says nothing."""
    said = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *said]) if said else ""


def made_by(*commands: str) -> str:
    """What makes a result, and what prints it."""
    return f"Made by {' and '.join(f'`{command}`' for command in commands)}."


def bullets(lines: Sequence[str]) -> str:
    """A list; "" for no lines."""
    return "\n".join(f"- {line}" for line in lines)


def table(lines: Sequence[Mapping[str, str]]) -> str:
    """Lines with the same keys as a table; "" for no lines.

    A column is aligned to the right if most of its cells begin like a number, and left out if all are empty.
    """
    names = [
        name for name in (lines[0] if lines else ()) if any(line[name] not in _NOTHING for line in lines)
    ]
    if not names:
        return ""
    ruler = ["---:" if _counts([line[name] for line in lines]) else "---" for name in names]
    rows = [names, ruler, *([line[name] for name in names] for line in lines)]
    return "\n".join(f"| {' | '.join(_cell(text) for text in row)} |" for row in rows)


def _counts(cells: Sequence[str]) -> bool:
    numbers = sum(bool(cell) and (cell.lstrip("+−")[:1].isdigit()) for cell in cells)
    return 2 * numbers > sum(cell not in _NOTHING for cell in cells)


def _cell(text: str) -> str:
    return text.replace("\u00a0", " ").replace("|", "\\|").replace("\n", " ").strip() or " "
