"""How every command speaks: a progress bar and tables for people, one JSON object for machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from advmi_core.files import write_atomically
from advmi_core.run import Run

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Device = Annotated[str, typer.Option(help="auto, cuda, one GPU as cuda:1, mps or cpu.")]
Dataset = Annotated[str, typer.Option(help="Name of a data set, see `advmi data list`.")]
Compute = Annotated[bool, typer.Option("--run", help="Compute it; the same command goes on.")]
Runs = Annotated[
    Path | None, typer.Option(help="Where --run keeps its parts; default: the app's own folder.")
]
Csv = Annotated[Path | None, typer.Option(help="Also write the table as CSV.")]
Latex = Annotated[Path | None, typer.Option(help="Also write the table as LaTeX.")]
ResultT = TypeVar("ResultT")

people = Console(stderr=True)
_WIDEST = 1000


@contextmanager
def clear_errors() -> Iterator[None]:
    """One sentence instead of a traceback for what the user can mend."""
    try:
        yield
    except (ValueError, OSError) as error:
        people.print(f"[red]advmi:[/red] {escape(str(error))}", highlight=False, markup=True)
        raise typer.Exit(2) from None


def say(facts: dict[str, Any] | list[dict[str, Any]]) -> None:
    """One JSON object, or a list of them, on standard output."""
    print(json.dumps(facts, indent=2, ensure_ascii=False))


def show(table: Table) -> None:
    """Print a table whole: in a narrow window its lines run on, so that no number loses its digits."""
    console = Console()
    unbounded = console.options.update(max_width=_WIDEST)
    needed = Measurement.get(console, unbounded, table).maximum
    Console(width=max(console.width, needed)).print(table)


def watch(run: Run[Any, ResultT], describe: Callable[[Any], str], quiet: bool) -> ResultT:
    """Show a progress bar over the run; Ctrl-C keeps what was found."""
    columns = (*Progress.get_default_columns()[:-1], TimeRemainingColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=people, disable=quiet) as bar:
        task = bar.add_task("Working", total=run.total, said="")
        try:
            for record in run:
                bar.update(task, completed=record.step, total=record.total, said=describe(record))
        except KeyboardInterrupt:
            run.close()
            people.print("Stopped; keeping what was found so far.")
    return run.result


def export(content: bytes, path: Path | None) -> None:
    """Write a table's file, whole or not at all; nothing without a path."""
    if path is not None:
        write_atomically(path, lambda temporary: temporary.write_bytes(content))


def need_complete(complete: bool) -> None:
    """End with exit code 130 and a sentence if the run was stopped before its end."""
    if not complete:
        people.print("Not finished; the same command goes on from here.")
        raise typer.Exit(130)
