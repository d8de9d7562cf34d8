"""The commands ``advmi models …``: which models are here, and fetching one of timm or torchvision."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from advmi_core import models
from advmi_core.cli.console import Json, clear_errors, people, say, show
from advmi_core.models.downloads import fetch, offer

models_app = typer.Typer(help="List the models at hand, or fetch one by its name.", no_args_is_help=True)


@models_app.command("list")
def list_models(as_json: Json = False) -> None:
    """Which models are here: shipped ones, fetched ones, and those of installed packages."""
    with clear_errors():
        found = models.choices()
        if as_json:
            say(
                [
                    {
                        "name": one.name, "kind": one.kind, "shape": list(one.shape), "classes": one.classes,
                        "dataset": one.dataset,
                    }
                    for one in found
                ]
            )  # fmt: skip
            return
        table = Table("model", "kind", "images", "classes", "trained on")
        for one in found:
            sides = "×".join(map(str, one.shape))
            table.add_row(one.name, one.kind, sides, str(one.classes or "–"), one.dataset or "–")
        show(table)


@models_app.command("get")
def get_model(
    name: Annotated[str, typer.Argument(help="timm:NAME or torchvision:NAME.")], as_json: Json = False
) -> None:
    """Fetch the weights of a timm or torchvision network from its authors into the user cache."""
    with clear_errors():
        offered = offer(name)
        size = f"{offered.size / 1e6:.1f} MB" if offered.size else "size not stated"
        people.print(f"{name}: {size}, licence: {offered.licence}, from {offered.url}", soft_wrap=True)
        columns = TextColumn("Downloading"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
        with Progress(*columns, console=people, disable=as_json) as bar:
            task = bar.add_task("", total=offered.size or None)
            path = fetch(offered, lambda done, total: bar.update(task, completed=done, total=total or None))
        network = models.load(name)
        if as_json:
            say(
                {
                    "name": name,
                    "file": str(path),
                    "sha256": network.card["sha256"],
                    "licence": offered.licence,
                }
            )
        else:
            Console().print(f"have {path}", soft_wrap=True)
