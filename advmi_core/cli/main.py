"""The command ``advmi``: attack, sweep, table, train, mi, data, report, … ``--json`` for machines."""

from __future__ import annotations

import ast
import json
import os
import sys
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.table import Table

from advmi_core import data, models, paths
from advmi_core.attacks import ATTACKS, Attack, MinMax
from advmi_core.become import become
from advmi_core.cli import doctor, saving
from advmi_core.cli.console import (
    Dataset,
    Device,
    Json,
    clear_errors,
    people,
    say,
    show,
    speak_anywhere,
    watch,
)
from advmi_core.cli.data import data_app
from advmi_core.cli.mi import mi
from advmi_core.cli.options import (
    check_radius,
    count_option,
    folder_option,
    number_option,
    port_from,
    seed_option,
)
from advmi_core.cli.report import report
from advmi_core.cli.robustness import ABOUT, command
from advmi_core.cli.study import study_app
from advmi_core.cli.sweep import sweep
from advmi_core.cli.table import table_app
from advmi_core.device import VARIABLE, describe, pick, tune_cpu
from advmi_core.objectives import Classification, Objective, Reconstruction
from advmi_core.validate import check_choice, check_count, number_from


class Program(typer.Typer):
    """The commands as a terminal calls them."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command that the arguments name, whatever the output's encoding is."""
        speak_anywhere()
        return super().__call__(*args, **kwargs)


app = Program(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(data_app, name="data")
app.add_typer(study_app, name="study")
app.add_typer(table_app, name="table")
app.command()(mi)
app.command()(report)
app.command()(sweep)
for kind in ABOUT:
    table_app.command(kind)(command(kind))


@app.command()
def attack(
    attack: Annotated[str, typer.Option(help=f"One of {', '.join(ATTACKS)}.")] = MinMax.name,
    dataset: Dataset = "fashion-mnist",
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    model: Annotated[str, typer.Option(help="Name of a model with trained weights.")] = "cnn",
    n: Annotated[int, count_option("Images; of a classifier's, the first it gets right.")] = 64,
    eps: Annotated[
        float | None, number_option("Radius ε, such as 0.1 or 8/255; pixels lie in [0,1].")
    ] = None,
    steps: Annotated[int | None, count_option("Iterations.")] = None,
    seed: Annotated[int, seed_option("Seed of all random numbers.")] = 0,
    option: Annotated[
        list[str] | None, typer.Option("--set", help="Any other parameter, NAME=VALUE; may be repeated.")
    ] = None,
    out: Annotated[Path | None, folder_option("Folder for result.npz, spec.json, summary.json.")] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Attack images and report success rate, information kept, mutual information and norms."""
    with clear_errors():
        tune_cpu()
        chosen = _build_attack(attack, {"eps": eps, "steps": steps, "seed": seed}, option or [])
        check_count(n, "n")
        check_radius(getattr(chosen, "eps", None), getattr(chosen, "norm", "linf"))
        objective, x, taken = _objective(model, dataset, split, n, device)
        began = time.perf_counter()
        run = chosen.run(objective, x, record_every=max(1, chosen.iterations // 100))
        result = watch(run, lambda step: f"{int(step.found.sum())}/{len(step.found)} found", as_json)
        facts = {"attack": attack, "dataset": dataset, "model": model, **taken, **saving.facts(result)}
        facts["partial"] = not run.ended
        facts["seconds"] = round(time.perf_counter() - began, 3)
        facts["device"] = describe(objective.device)
        if out is not None:
            facts["files"] = [str(path) for path in saving.save(result, out)]
        say(facts) if as_json else _tell_attack(facts, isinstance(objective, Classification))


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
    """A number, a fraction, True, False or None as Python writes them; anything else is a word."""
    for read in (ast.literal_eval, number_from):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return text


def _objective(
    model: str, dataset: str, split: str, n: int, device: str
) -> tuple[Objective, torch.Tensor, dict[str, Any]]:
    """A classifier is attacked on the first ``n`` images it gets right, an autoencoder on the first ``n``.

    The facts say how many images were asked for, how many there are, and of how many of these the model was
    found to be right (None for an autoencoder) before there were enough.
    """
    images = data.load(dataset, split=split)
    taken = {"asked": n, "available": len(images), "looked_at": min(n, len(images)), "right": None}
    place = pick(device)
    network = models.load(model, dataset=dataset, device=str(place))
    if isinstance(network, models.Autoencoder):
        chosen = images.take(range(min(n, len(images))))
        return Reconstruction(network), chosen.x, taken
    right: list[int] = []
    looked_at = 0
    for start in range(0, len(images), 256):
        logits = network(images.x[start : start + 256].to(place))
        hits = logits.argmax(1).cpu() == images.y[start : start + 256]
        right += (hits.nonzero().flatten() + start).tolist()
        looked_at += len(hits)
        if len(right) >= n:
            break
    if not right:
        raise ValueError(f"{model} gets none of the {looked_at} images of {dataset} ({split}) right")
    chosen = images.take(right[:n])
    return Classification(network, chosen.y), chosen.x, taken | {"looked_at": looked_at, "right": len(right)}


def _too_few(facts: dict[str, Any]) -> list[str]:
    """One sentence where fewer images were attacked than were asked for."""
    if facts["images"] >= facts["asked"]:
        return []
    there = f"Asked for {facts['asked']} images; {facts['dataset']} has {facts['available']} here"
    if facts["right"] is None:
        return [f"{there}, and all of them were attacked."]
    return [f"{there}, {facts['model']} gets {facts['right']} of them right, and these were attacked."]


def _tell_attack(facts: dict[str, Any], classified: bool) -> None:
    table = Table(title=f"{facts['attack']} on {facts['model']}, {facts['dataset']}", show_header=False)
    over = f"over {facts['succeeded']} successes of {facts['counted']} images"
    over += " that the model gets right" if classified else ""
    for key, label in (
        ("counted", "images counted (initially correct)"),
        ("asr", "attack success rate"),
        ("over", "all that follows but the seconds"),
        ("kept_percent_mean", "information kept, mean (%)"),
        ("kept_percent_std", "information kept, std (%)"),
        ("information_mean", "information kept, mean (nats)"),
        ("mi_mean", "mutual information by InfoNCE, mean (nats)"),
        ("mi_std", "mutual information by InfoNCE, std (nats)"),
        ("l2_mean", "L2 norm, mean"),
        ("linf_max", "L∞ norm, largest"),
        ("queries_mean", "forward passes per image"),
        ("seconds", "seconds"),
        ("device", "computed on"),
    ):
        value = over if key == "over" else facts[key]
        table.add_row(
            label, "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
        )
    show(table)
    written = [f"wrote {path}" for path in facts.get("files", [])]
    for line in (*_too_few(facts), *facts["warnings"], *written):
        people.print(line, highlight=False, soft_wrap=True)


@app.command()
def train(
    model: Annotated[str, typer.Argument(help=f"One of {', '.join(models.MODELS)}.")],
    dataset: Dataset = "fashion-mnist",
    out: Annotated[Path, folder_option("Folder for the weights and their card.")] = Path("weights"),
    epochs: Annotated[int | None, count_option()] = None,
    batch: Annotated[int | None, count_option("Images per gradient step.")] = None,
    lr: Annotated[float | None, number_option("Highest learning rate.")] = None,
    warmup: Annotated[float | None, number_option("Share of steps in which the rate rises.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="sgd or adam.")] = None,
    weight_decay: Annotated[float | None, number_option("")] = None,
    smoothing: Annotated[float | None, number_option("Label smoothing.")] = None,
    flip: Annotated[bool | None, typer.Option(help="Mirror images at random.")] = None,
    crop: Annotated[int | None, count_option("Shift images at random by up to so many pixels.")] = None,
    sparsity: Annotated[float | None, number_option("Weight of the KL sparsity term.")] = None,
    adversary: Annotated[float | None, number_option("Weight of the discriminator's game.")] = None,
    validation: Annotated[float | None, number_option("Share held out to choose the epoch.")] = None,
    half: Annotated[bool | None, typer.Option(help="Store float16 weights.")] = None,
    seed: Annotated[int | None, seed_option()] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Train a model; by default with the settings of the shipped weights. A killed training goes on."""
    given = {key: value for key, value in locals().items() if key in _TRAINABLE and value is not None}
    with clear_errors():
        tune_cpu()
        spec = replace(models.default_spec(model, dataset), **given)
        place = pick(device)
        run = models.train(spec, out, device=str(place))
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
            Console().print(f"wrote {result.weights}, computed on {describe(place)}", soft_wrap=True)
            Console().print_json(json.dumps(result.card.get("metrics", {})))


_TRAINABLE = {field.name for field in fields(models.TrainSpec)} - {"model", "dataset"}


@app.command("doctor")
def examine(as_json: Json = False) -> None:
    """Device, threads, data, weights and versions: what is missing, and how to get it."""
    facts = doctor.examine()
    if as_json:
        say(facts)
        return
    table = Table(title="AdvMI doctor", show_header=False)
    table.add_row("AdvMI", f"{facts['advmi']} on Python {facts['python']}")
    table.add_row("computes on", facts["device"])
    table.add_row("CPU", f"{facts['threads']} threads on {facts['cores']} cores")
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
    port: Annotated[int, count_option("Port to listen on; 0 takes a free one.", most=65535)] = 8501,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
    device: Device = "auto",
) -> None:
    """Start the app in the browser."""
    with clear_errors():
        pick(device)
    if device != "auto":
        os.environ[VARIABLE] = device  # of the server, and of the processes that it starts
    root = paths.app_root()
    with clear_errors():
        port = port_from(port)
    print(f"AdvMI is starting on http://localhost:{port} (Ctrl-C stops it)", flush=True)
    command = [sys.executable, "-m", "advmi_core.ui.serve", f"--server.port={port}"]
    command.append(f"--server.headless={'false' if browser else 'true'}")
    # Streamlit reads .streamlit/config.toml from the folder it is started in.
    raise typer.Exit(become(command, root))
