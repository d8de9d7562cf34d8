"""The command ``advmi``: attack, sweep, table, train, mi, data, report, … ``--json`` for machines."""

from __future__ import annotations

import ast
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from advmi_core import models, paths
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
from advmi_core.cli.defences import train_defences_command
from advmi_core.cli.inputs.objective import answers, objective_of, too_few
from advmi_core.cli.inputs.own import MODEL_HELP, Data, Mean, Shape, Std, own_data, own_model
from advmi_core.cli.mi import mi
from advmi_core.cli.models import models_app
from advmi_core.cli.options import (
    check_radius,
    count_option,
    folder_option,
    port_from,
    with_fields,
)
from advmi_core.cli.report import report
from advmi_core.cli.robustness import ABOUT, command
from advmi_core.cli.study import study_app
from advmi_core.cli.sweep import sweep
from advmi_core.cli.table import table_app
from advmi_core.device import VARIABLE, describe, pick, tune_cpu
from advmi_core.objectives import Classification
from advmi_core.validate import check_choice, check_count, number_from

_SHOWN = 8  # pairs of class names


class Program(typer.Typer):
    """The commands as a terminal calls them."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command that the arguments name, whatever the output's encoding is."""
        speak_anywhere()
        return super().__call__(*args, **kwargs)


app = Program(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(data_app, name="data")
app.add_typer(models_app, name="models")
app.add_typer(study_app, name="study")
app.add_typer(table_app, name="table")
app.command()(mi)
app.command()(report)
app.command()(sweep)
app.command("train-defences")(train_defences_command)
for kind in ABOUT:
    table_app.command(kind)(command(kind))


def attack(
    attack: Annotated[str, typer.Option(help=f"One of {', '.join(ATTACKS)}.")] = MinMax.name,
    dataset: Dataset = "fashion-mnist",
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    model: Annotated[str, typer.Option(help=MODEL_HELP)] = "cnn",
    images: Data = None,
    shape: Shape = None,
    mean: Mean = None,
    std: Std = None,
    n: Annotated[int, count_option("Images; of a classifier's, the first it gets right.")] = 64,
    option: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter as Python has it, NAME=VALUE; may be repeated."),
    ] = None,
    out: Annotated[Path | None, folder_option("Folder for result.npz, spec.json, summary.json.")] = None,
    device: Device = "auto",
    as_json: Json = False,
    *,
    given: Mapping[str, Any],
) -> None:
    """Attack images and report success rate, information kept, mutual information and norms."""
    with clear_errors():
        tune_cpu()
        chosen = _build_attack(attack, given, option or [])
        check_count(n, "n")
        check_radius(getattr(chosen, "eps", None), getattr(chosen, "norm", "linf"))
        pictures = dataset if images is None else own_data(images)
        network = models.load(own_model(model, shape, mean, std), dataset, device=str(pick(device)))
        objective, x, taken = objective_of(network, pictures, split, n)
        began = time.perf_counter()
        run = chosen.run(objective, x, record_every=max(1, chosen.iterations // 100))
        result = watch(run, lambda step: f"{int(step.found.sum())}/{len(step.found)} found", as_json)
        facts = {
            "attack": attack,
            "dataset": pictures,
            "model": network.name,
            **taken,
            **saving.facts(result),
        }
        facts |= answers(network, result)
        facts["partial"] = not run.ended
        facts["seconds"] = round(time.perf_counter() - began, 3)
        facts["device"] = describe(objective.device)
        if out is not None:
            facts["files"] = [str(path) for path in saving.save(result, out)]
        say(facts) if as_json else _tell_attack(facts, isinstance(objective, Classification))


app.command("attack")(with_fields(attack, ATTACKS))


def _build_attack(name: str, given: Mapping[str, Any], options: list[str]) -> Attack:
    check_choice(name, "attack", tuple(ATTACKS))
    known = {field.name for field in fields(ATTACKS[name])}
    if unknown := given.keys() - known:
        raise ValueError(f"{', '.join(sorted(unknown))} is no parameter of {name}")
    parameters = dict(given)
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
    pairs = list(zip(facts.get("classes_before", ()), facts.get("classes_after", ()), strict=True))[:_SHOWN]
    answers = [
        f"“{before}” became “{after}”" if before != after else f"“{before}” stayed" for before, after in pairs
    ]
    for line in (*answers, *facts["notes"], *too_few(facts), *facts["warnings"], *written):
        people.print(line, highlight=False, soft_wrap=True)


def train(
    model: Annotated[str, typer.Argument(help=f"One of {', '.join(models.MODELS)}.")],
    dataset: Dataset = "fashion-mnist",
    out: Annotated[Path, folder_option("Folder for the weights and their card.")] = Path("weights"),
    device: Device = "auto",
    as_json: Json = False,
    *,
    given: Mapping[str, Any],
) -> None:
    """Train a model; by default with the settings of the shipped weights. A killed training goes on."""
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


app.command("train")(with_fields(train, {"train": models.TrainSpec}))


@app.command("doctor")
def examine(
    model: Annotated[
        str | None, typer.Option(help=f"Look a model over instead. {MODEL_HELP}", show_default=False)
    ] = None,
    images: Data = None,
    shape: Shape = None,
    mean: Mean = None,
    std: Std = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Device, threads, data, weights and versions: what is missing; or what is odd about a model."""
    if model is not None:
        with clear_errors():
            tune_cpu()
            doctor.look_over(
                own_model(model, shape, mean, std),
                None if images is None else own_data(images),
                device,
                as_json,
            )
        return
    facts = doctor.examine()
    say(facts) if as_json else doctor.tell(facts)


@app.command("app")
def start_app(
    port: Annotated[int, count_option("Port to listen on; 0 takes a free one.", most=65535)] = 8501,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
    model: Annotated[
        list[str] | None, typer.Option(help="Offer a model of one's own, FILE.py:FUNCTION; may be repeated.")
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--data", help="Offer images of one's own: folder, zip, CSV of labels or IDX file; repeatable."
        ),
    ] = None,
    shape: Shape = None,
    mean: Mean = None,
    std: Std = None,
    device: Device = "auto",
) -> None:
    """Start the app in the browser."""
    with clear_errors():
        pick(device)
        for reference in model or []:
            people.print(f"offers the model {own_model(reference, shape, mean, std)}", highlight=False)
        for path in images or []:
            people.print(f"offers the images {own_data(path)}", highlight=False)
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
