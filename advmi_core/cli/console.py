"""Output of every command: a progress bar and tables for people, one JSON object for machines."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from advmi_core.cli.options import file_option, folder_option
from advmi_core.files import system_sentence, write_atomically
from advmi_core.run import Run

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Device = Annotated[str, typer.Option(help="auto, cuda, one GPU as cuda:1, mps or cpu.")]
Dataset = Annotated[str, typer.Option(help="Name of a data set, see `advmi data list`.")]
Compute = Annotated[bool, typer.Option("--run", help="Compute it; the same command goes on.")]
Runs = Annotated[Path | None, folder_option("Where --run keeps its parts; default: the app's own folder.")]
Csv = Annotated[Path | None, file_option("Also write the table as CSV.")]
Latex = Annotated[Path | None, file_option("Also write the table as LaTeX.")]
ResultT = TypeVar("ResultT")

people = Console(stderr=True)
_WIDEST = 1000
_LONGEST = 1500
_PLAIN = {"ε": "eps", "∞": "inf", "δ": "delta", "α": "alpha", "λ": "lambda", "–": "-", "−": "-", "±": "+-"}
_PLAIN |= {"≥": ">=", "≤": "<=", "→": "->", "·": "*", "×": "x", "…": "...", "•": "*", "●": "*", "\u0303": "~"}
_ANSWER = "advmi-plain"


def speak_anywhere() -> None:
    """Call once at a program's start: no character is an error, whatever encoding the output has.

    What the encoding lacks is written in plain letters (ε as eps), anything else by its code.
    """
    codecs.register_error(_ANSWER, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_ANSWER)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_PLAIN.get(one, ascii(one)[1:-1]) for one in missing), error.end


@contextmanager
def clear_errors() -> Iterator[None]:
    """One sentence instead of a traceback for what the user can mend."""
    try:
        yield
    except BrokenPipeError:  # who reads has seen enough
        raise
    except (ValueError, OSError, MemoryError, OverflowError, RecursionError, RuntimeError) as error:
        if (sentence := _sentence(error)) is None:
            raise
        people.print(f"[red]advmi:[/red] {escape(sentence)}", highlight=False, markup=True, soft_wrap=True)
        raise typer.Exit(2) from None


def _sentence(error: Exception) -> str | None:
    """What to tell people of an error; None for what only a mistake in the program explains."""
    text = str(error)
    if isinstance(error, OSError):
        return _short(system_sentence(error))
    if isinstance(error, MemoryError) or "allocate memory" in text or "out of memory" in text:
        return "there is not enough memory for this; ask for fewer images, samples or steps"
    if isinstance(error, OverflowError):
        return f"a number is too large to be computed with: {text}"
    return _short(text) if isinstance(error, ValueError) else None


def _short(text: str) -> str:
    """A sentence that somebody can read, even where it quotes a book."""
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}"


def say(facts: dict[str, Any] | list[dict[str, Any]]) -> None:
    """One JSON object, or a list of them, on standard output; in ASCII, so that any encoding carries it."""
    print(json.dumps(facts, indent=2))


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
