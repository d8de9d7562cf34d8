"""The command ``advmi report``: the written pages of the documentation, from the shipped results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from advmi_core.cli.console import Json, clear_errors, people, say
from advmi_core.cli.options import folder_option


def report(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Only say which pages are not current.")] = False,
    out: Annotated[
        Path | None, folder_option("Folder of the documentation; default: docs of this AdvMI.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the pages of results and commands; with --check, end with 1 if one of them is not current."""
    from advmi_core import report as docs  # it needs scipy and plotly, which no other command waits for

    with clear_errors():
        made, place = docs.pages(context.find_root().command), out or docs.folder()
        if not check:
            written = [str(path) for path in docs.write(made, place)]
            say({"written": written}) if as_json else print("\n".join(f"wrote {path}" for path in written))
            return
        old = docs.stale(made, place)
        if as_json:
            say({"pages": list(made), "stale": old})
        elif old:
            people.print(_sentence(old, place), highlight=False, soft_wrap=True)
        else:
            print(f"the {len(made)} written pages in {place} are current")
        if old:
            raise typer.Exit(1)


def _sentence(old: list[str], place: Path) -> str:
    one = len(old) == 1
    return (
        f"{', '.join(old)} in {place} {'is' if one else 'are'} not what the shipped results say; "
        f"`advmi report` writes {'it' if one else 'them'} anew."
    )
