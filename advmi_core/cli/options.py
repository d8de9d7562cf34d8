"""Options of the commands that are checked before anything is computed: files, folders, numbers, seeds."""

from __future__ import annotations

import functools
import inspect
import math
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from advmi_core.fields import Parameter, parameters
from advmi_core.validate import LARGEST_COUNT, check_count, number_from

MOST = 10_000_000
"""The largest number of images, samples, steps or epochs that a command takes."""
MOST_SEEDS = 1_000
"""The largest number of repetitions that a command takes."""
MOST_WORKERS = 1_024
"""The largest number of processes that a command starts."""


def count_option(help: str = "", most: int = MOST) -> Any:
    """A whole number of something, with a limit; what is too small, the core says."""
    return typer.Option(help=help, parser=_whole(most), metavar="INTEGER")


def seed_option(help: str = "") -> Any:
    """A seed, as large as torch takes."""
    return typer.Option(help=help, parser=_whole(LARGEST_COUNT), metavar="INTEGER")


def folder_option(help: str) -> Any:
    """A folder that a command writes to; made where it does not exist."""
    return typer.Option(help=help, parser=_folder, metavar="FOLDER")


def file_option(help: str) -> Any:
    """A file that a command writes."""
    return typer.Option(help=help, parser=_file, metavar="FILE")


def number_option(help: str) -> Any:
    """A number or a fraction."""
    return typer.Option(help=help, parser=_number, metavar="NUMBER")


def with_fields(
    command: Callable[..., None], records: Mapping[str, type], before: str = "", *, defaults: bool = False
) -> Callable[..., None]:
    """The command with an option for every field that is described in some dataclasses.

    Args:
        command: gets those that were given as ``given``, by name; its own options come first.
        records: by name.
        before: each of their helps.
        defaults: take the fields' own; else what is not given is left out.
    """
    own = inspect.signature(command, eval_str=True).parameters
    described = [each for record in records.values() for each in parameters(record) if each.described]
    options: dict[str, inspect.Parameter] = {}
    for each in described:
        if each.name not in own and each.name not in options:
            annotation = _option(each, records, before)
            options[each.name] = inspect.Parameter(
                each.name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=annotation,
                default=each.default if defaults else None,
            )

    @functools.wraps(command)
    def whole(**values: Any) -> None:
        given = {name: values.pop(name) for name in options}
        command(**values, given={name: value for name, value in given.items() if value is not None})

    del whole.__wrapped__
    kept = [parameter for name, parameter in own.items() if name != "given"]
    signature = inspect.Signature([*kept, *options.values()])
    vars(whole)["__signature__"] = signature
    whole.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
    return whole


def _option(parameter: Parameter, records: Mapping[str, type], before: str) -> Any:
    """The annotation of an option: None where it is not given."""
    field, kind = parameter.field, parameter.kind
    said = [before, f"{field.name}.", field.help]
    if field.choices:
        said.append(f"One of {', '.join(field.choices)}.")
    name = parameter.name
    having = [who for who, record in records.items() if any(p.name == name for p in parameters(record))]
    if len(having) < len(records):
        said.append(f"Of {', '.join(having)}.")
    text = " ".join(part for part in said if part)
    if kind is int:
        return Annotated[int | None, count_option(text, MOST if field.span[1] < MOST else LARGEST_COUNT)]
    if kind is float:
        return Annotated[float | None, number_option(text)]
    return Annotated[kind | None, typer.Option(help=text)]


def _whole(most: int) -> Callable[[str | int], int]:
    def whole_number(text: str | int) -> int:
        try:
            value = int(text)
        except ValueError:
            value = most + 1
        if value > most:
            raise typer.BadParameter(f"a whole number ≤ {most} is wanted, got {str(text)[:80]!r}")
        return value

    return whole_number


def _number(text: str | float) -> float:
    try:
        return number_from(str(text))
    except ValueError:
        raise typer.BadParameter(
            f"a number or a fraction such as 8/255 is wanted, got {str(text)[:80]!r}"
        ) from None


def _folder(text: str | Path) -> Path:
    path = _named(text, "folder")
    if _exists(path) and not path.is_dir():
        raise typer.BadParameter(f"{path} is a file, a folder is wanted")
    _check_writable(path)
    return path


def _file(text: str | Path) -> Path:
    path = _named(text, "file")
    if _exists(path) and path.is_dir():
        raise typer.BadParameter(f"{path} is a folder, a file is wanted")
    _check_writable(path.parent)
    return path


def _named(text: str | Path, kind: str) -> Path:
    if not str(text).strip() or "\0" in str(text):
        raise typer.BadParameter(f"the name of a {kind} is wanted, got {str(text)!r}")
    return Path(text)


def _check_writable(folder: Path) -> None:
    """Nobody should compute for an hour and only then learn that the result cannot be kept."""
    there = next((place for place in (folder, *folder.parents) if _exists(place)), None)
    if there is not None and not there.is_dir():
        raise typer.BadParameter(f"{there} is a file, a folder is wanted")
    if there is not None and not os.access(there, os.W_OK):
        raise typer.BadParameter(f"{there} may not be written; choose another folder")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a name that is longer than names may be
        raise typer.BadParameter(f"{error.strerror}: {str(path)[:80]}") from None


def check_radius(eps: float | None, norm: str) -> None:
    """ε must leave something to attack: by more than 1, no pixel can change."""
    if norm == "linf" and isinstance(eps, int | float) and 1 < eps < math.inf:
        raise ValueError(f"eps must be ≤ 1 for linf, because pixels lie in [0,1], got {eps:g}")


def port_from(wanted: int) -> int:
    """The port to listen on, a free one for 0.

    Raises:
        ValueError: there is no such port, or it cannot be listened on.
    """
    check_count(wanted, "port", low=0)
    with socket.socket() as probe:
        if os.name == "posix":  # a server that ended a moment ago does not hold its port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except PermissionError:
            raise ValueError(f"port {wanted} may not be listened on; choose one above 1023") from None
        except OSError:
            raise ValueError(
                f"port {wanted} is in use, perhaps by another AdvMI; choose another one with --port"
            ) from None
        return int(probe.getsockname()[1])
