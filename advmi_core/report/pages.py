"""Which pages are written, where they lie, and whether they still say what the results hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from advmi_core import paths
from advmi_core.files import write_text
from advmi_core.report.commands import command_line
from advmi_core.report.defended import defences
from advmi_core.report.learnt import autoencoders
from advmi_core.report.lever import lever
from advmi_core.report.measures import mutual_information
from advmi_core.report.registered import registered_attacks
from advmi_core.report.sweeps import attacks
from advmi_core.report.trained import shipped_models

Page = Callable[[], str]
RESULTS: dict[str, Page] = {
    "models": shipped_models,
    "attacks": attacks,
    "lever": lever,
    "mutual-information": mutual_information,
    "autoencoders": autoencoders,
    "defences": defences,
}
"""Name of a page of results → what makes it."""


def folder() -> Path:
    """Where the documentation lies that comes with AdvMI."""
    return paths.app_root() / "docs"


def pages(program: Any) -> dict[str, Page]:
    """Path below docs/ → what makes the page.

    Args:
        program: the root command, which knows its options.
    """
    results = {f"results/{name}.md": make for name, make in RESULTS.items()}
    reference: dict[str, Page] = {"commands": partial(command_line, program), "attacks": registered_attacks}
    return {**results, **{f"reference/{name}.md": make for name, make in reference.items()}}


def write(made: Mapping[str, Page], place: Path) -> list[Path]:
    """Write every page, whole or not at all; the same results give the same bytes."""
    for name, make in made.items():
        write_text(place / name, make())
    return [place / name for name in made]


def stale(made: Mapping[str, Page], place: Path) -> list[str]:
    """Names of the pages that are missing or do not say what the shipped results hold."""
    return [name for name, make in made.items() if _read(place / name) != make()]


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
