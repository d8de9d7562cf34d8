"""How every command speaks: a progress bar and tables for people, one JSON object for machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TextColumn, TimeRemainingColumn

from advmi_core.run import Run

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Device = Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")]
Dataset = Annotated[str, typer.Option(help="Name of a data set, see `advmi data list`.")]
ResultT = TypeVar("ResultT")

people = Console(stderr=True)


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
