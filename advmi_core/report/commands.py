"""Page of the command line: every command with its options, as the program itself knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from advmi_core.report.markdown import page, section, table


def command_line(program: Any) -> str:
    """The page.

    Args:
        program: the root command, as ``typer.Context.find_root().command`` gives it.
    """
    return page(
        "Commands",
        "`advmi COMMAND --help` says the same. Numbers may be fractions, such as `--eps 8/255`. With "
        "`--json` a command prints one JSON object and nothing else. Ctrl-C keeps what was found; a command "
        "that was stopped goes on where it was.",
        *(section(f"advmi {name}", each.help, table(_options(each))) for name, each in _all(program)),
    )


def _all(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _all(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _options(command: Any) -> list[dict[str, str]]:
    return [
        {
            "option": " ".join(f"`{text}`" for text in _written(each)),
            "default": "" if each.default is None or each.default is False else f"{each.default}",
            "meaning": getattr(each, "help", None) or "",
        }
        for each in command.params
        if each.name != "help"
    ]


def _written(each: Any) -> list[str]:
    """As it is typed: an argument in capitals, an option by its names."""
    if each.param_type_name == "argument":
        return [each.name.upper()]
    return [*each.opts, *each.secondary_opts]
