"""The command ``advmi``: attack, sweep, table, train, mi, data, doctor, app. ``--json`` is for machines."""

from __future__ import annotations

import ast
import json
import sys
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from advmi_core import data, doctor, models, paths, saving
from advmi_core.attacks import ATTACKS, Attack
from advmi_core.become import become
from advmi_core.cli_mi import mi
from advmi_core.cli_robustness import ABOUT, command
from advmi_core.cli_study import study_app
from advmi_core.cli_sweep import sweep
from advmi_core.cli_table import table_app
from advmi_core.device import pick, tune_cpu
from advmi_core.objectives import Classification, Objective, Reconstruction
from advmi_core.terminal import Dataset, Device, Json, clear_errors, people, say, show, watch
from advmi_core.validate import check_choice, check_count

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
data_app = typer.Typer(help="List the data sets at hand, or download one.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(study_app, name="study")
app.add_typer(table_app, name="table")
app.command()(mi)
app.command()(sweep)
for kind in ABOUT:
    table_app.command(kind)(command(kind))


@app.command()
def attack(
    attack: Annotated[str, typer.Option(help=f"One of {', '.join(ATTACKS)}.")] = "minmax",
    dataset: Dataset = "fashion-mnist",
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    model: Annotated[str, typer.Option(help="Name of a model with trained weights.")] = "cnn",
    n: Annotated[int, typer.Option(help="Images; of a classifier's, the first it gets right.")] = 64,
    eps: Annotated[float | None, typer.Option(help="Radius ε, pixels lie in [0,1].")] = None,
    steps: Annotated[int | None, typer.Option(help="Iterations.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    option: Annotated[
        list[str] | None, typer.Option("--set", help="Any other parameter, NAME=VALUE; may be repeated.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for result.npz, spec.json, summary.json.")] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Attack images and report success rate, mutual information and norms."""
    with clear_errors():
        tune_cpu()
        chosen = _build_attack(attack, {"eps": eps, "steps": steps, "seed": seed}, option or [])
        check_count(n, "n")
        objective, x = _objective(model, dataset, split, n, device)
        began = time.perf_counter()
        run = chosen.run(objective, x, record_every=max(1, chosen.iterations // 100))
        result = watch(run, lambda step: f"{int(step.found.sum())}/{len(step.found)} found", as_json)
        facts = {"attack": attack, "dataset": dataset, "model": model, **saving.summarise(result)}
        facts["seconds"] = round(time.perf_counter() - began, 3)
        if out is not None:
            facts["files"] = [str(path) for path in saving.save(result, out)]
        say(facts) if as_json else _tell_attack(facts)


def _build_attack(name: str, given: dict[str, Any], options: list[str]) -> Attack:
    check_choice(name, "attack", tuple(ATTACKS))
    known = {field.name for field in fields(ATTACKS[name])}
    parameters = {key: value for key, value in given.items() if value is not None}
    for option in options:
        key, equals, value = option.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or key not in known:
            raise ValueError(
                f"--set must be NAME=VALUE with NAME one of {', '.join(sorted(known))}, got {option!r}"
            )
        parameters[key] = _literal(value.strip())
    return ATTACKS[name](**parameters)


def _literal(text: str) -> Any:
    """A number, True, False or None as Python writes them; anything else is a word."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _objective(model: str, dataset: str, split: str, n: int, device: str) -> tuple[Objective, torch.Tensor]:
    """A classifier is attacked on the first ``n`` images it gets right, an autoencoder on the first ``n``."""
    images = data.load(dataset, split=split)
    network = models.load(model, dataset=dataset, device=str(pick(device)))
    if isinstance(network, models.Autoencoder):
        chosen = images.take(range(min(n, len(images))))
        return Reconstruction(network), chosen.x
    right: list[int] = []
    for start in range(0, len(images), 256):
        logits = network(images.x[start : start + 256].to(pick(device)))
        hits = logits.argmax(1).cpu() == images.y[start : start + 256]
        right += (hits.nonzero().flatten() + start).tolist()
        if len(right) >= n:
            break
    chosen = images.take(right[:n])
    return Classification(network, chosen.y), chosen.x


def _tell_attack(facts: dict[str, Any]) -> None:
    table = Table(title=f"{facts['attack']} on {facts['model']}, {facts['dataset']}", show_header=False)
    for key, label in (
        ("counted", "images counted (initially correct)"),
        ("asr", "attack success rate"),
        ("mi_mean", "mutual information, mean (nats)"),
        ("mi_std", "mutual information, std (nats)"),
        ("l2_mean", "L2 norm, mean"),
        ("linf_max", "L∞ norm, largest"),
        ("queries_mean", "forward passes per image"),
        ("seconds", "seconds"),
    ):
        value = facts[key]
        table.add_row(
            label, "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
        )
    show(table)
    for line in (*facts["warnings"], *(f"wrote {path}" for path in facts.get("files", []))):
        people.print(line, highlight=False, soft_wrap=True)


@app.command()
def train(
    model: Annotated[str, typer.Argument(help=f"One of {', '.join(models.MODELS)}.")],
    dataset: Dataset = "fashion-mnist",
    out: Annotated[Path, typer.Option(help="Folder for the weights and their card.")] = Path("weights"),
    epochs: Annotated[int | None, typer.Option()] = None,
    batch: Annotated[int | None, typer.Option(help="Images per gradient step.")] = None,
    lr: Annotated[float | None, typer.Option(help="Highest learning rate.")] = None,
    warmup: Annotated[float | None, typer.Option(help="Share of steps in which the rate rises.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="sgd or adam.")] = None,
    weight_decay: Annotated[float | None, typer.Option()] = None,
    smoothing: Annotated[float | None, typer.Option(help="Label smoothing.")] = None,
    flip: Annotated[bool | None, typer.Option(help="Mirror images at random.")] = None,
    sparsity: Annotated[float | None, typer.Option(help="Weight of the KL sparsity term.")] = None,
    adversary: Annotated[float | None, typer.Option(help="Weight of the discriminator's game.")] = None,
    validation: Annotated[float | None, typer.Option(help="Share held out to choose the epoch.")] = None,
    half: Annotated[bool | None, typer.Option(help="Store float16 weights.")] = None,
    seed: Annotated[int | None, typer.Option()] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Train a model; by default with the settings of the shipped weights. A killed training goes on."""
    given = {key: value for key, value in locals().items() if key in _TRAINABLE and value is not None}
    with clear_errors():
        tune_cpu()
        spec = replace(models.default_spec(model, dataset), **given)
        run = models.train(spec, out, device=str(pick(device)))
        result = watch(
            run,
            lambda step: (
                f"epoch {step.epoch}/{step.epochs} loss {step.loss:.4f} {step.metric} {step.validation:.4f}"
            ),
            as_json,
        )
        if not result.complete:
            people.print("Not finished; the same command goes on from here.")
            raise typer.Exit(130)
        if as_json:
            say(result.card)
        else:
            Console().print(f"wrote {result.weights}", soft_wrap=True)
            Console().print_json(json.dumps(result.card.get("metrics", {})))


_TRAINABLE = {field.name for field in fields(models.TrainSpec)} - {"model", "dataset"}


@data_app.command("list")
def list_data(as_json: Json = False) -> None:
    """Which data sets are here, and from where they would be loaded."""
    with clear_errors():
        states = [status for name in data.NAMES for status in data.available(name)]
        if as_json:
            print(json.dumps([_status(status) for status in states], indent=2))
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


@app.command("doctor")
def examine(as_json: Json = False) -> None:
    """Device, threads, data, weights and versions: what is missing, and how to get it."""
    facts = doctor.examine()
    if as_json:
        say(facts)
        return
    table = Table(title="AdvMI doctor", show_header=False)
    table.add_row("AdvMI", f"{facts['advmi']} on Python {facts['python']}")
    table.add_row("device", f"{facts['device']}, {facts['threads']} threads on {facts['cores']} cores")
    table.add_row("versions", ", ".join(f"{name} {version}" for name, version in facts["versions"].items()))
    for name, splits in facts["data"].items():
        table.add_row(
            f"data: {name}", ", ".join(f"{split}: {source or 'not here'}" for split, source in splits.items())
        )
    for dataset, states in facts["weights"].items():
        table.add_row(f"weights: {dataset}", ", ".join(f"{name}: {state}" for name, state in states.items()))
    show(table)
    for line in facts["advice"]:
        Console().print(f"• {line}", highlight=False, markup=False)


@app.command("app")
def start_app(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Start the app in the browser."""
    root = paths.app_root()
    print(f"AdvMI is starting on http://localhost:{port} (Ctrl-C stops it)", flush=True)
    command = [sys.executable, "-m", "advmi_core.ui.serve", f"--server.port={port}"]
    command.append(f"--server.headless={'false' if browser else 'true'}")
    # Streamlit reads .streamlit/config.toml from the folder it is started in.
    raise typer.Exit(become(command, root))
