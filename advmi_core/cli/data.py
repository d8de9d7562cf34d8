"""The commands ``advmi data …``: what is here, and what can be fetched."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from advmi_core import data
from advmi_core.cli.console import Json, clear_errors, people, say, show

data_app = typer.Typer(help="List the data sets at hand, or download one.", no_args_is_help=True)


@data_app.command("list")
def list_data(as_json: Json = False) -> None:
    """Which data sets are here, and from where they would be loaded."""
    with clear_errors():
        states = [status for name in data.NAMES for status in data.available(name)]
        if as_json:
            say([_status(status) for status in states])
            return
        table = Table("data set", "split", "source", "", "remark")
        for status in states:
            if status.found:
                table.add_row(
                    status.name, status.split, status.source, "used" if status.used else "", status.note
                )
        show(table)
        missing = [
            name
            for name in data.NAMES
            if not all(
                any(s.used for s in states if (s.name, s.split) == (name, split)) for split in data.SPLITS
            )
        ]
        if missing:
            Console().print(f"Not (wholly) here: {', '.join(missing)}; get one with `advmi data get NAME`.")


def _status(status: data.SourceStatus) -> dict[str, Any]:
    return {
        "name": status.name,
        "split": status.split,
        "source": status.source,
        "found": status.found,
        "used": status.used,
        "note": status.note,
    }


@data_app.command("get")
def get_data(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(data.NAMES)}.")], as_json: Json = False
) -> None:
    """Download a data set from its authors into the user cache; checksums are verified."""
    with clear_errors(), Progress(console=people, disable=as_json) as bar:
        task = bar.add_task(f"Downloading {name}", total=None)
        files = data.download(
            name, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
        if as_json:
            say({"name": name, "files": [str(path) for path in files]})
        else:
            for path in files:
                Console().print(f"have {path}", soft_wrap=True)
