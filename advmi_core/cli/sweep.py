"""The command ``advmi sweep``: methods over ε on many images; a killed sweep goes on where it was."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from advmi_core.attacks.core.ball import UNBOUNDED
from advmi_core.cli.console import Device, Json, clear_errors, people, say, show, watch
from advmi_core.cli.inputs.own import MODEL_HELP, Data, Mean, Shape, Std, own_inputs
from advmi_core.cli.options import MOST_WORKERS, count_option, folder_option, seed_option
from advmi_core.device import describe, pick, tune_cpu
from advmi_core.experiments.executors.choice import EXECUTORS
from advmi_core.figures.text import number, percent
from advmi_core.files import json_number
from advmi_core.studies.sweep import PRESETS, Sweep, SweepResult, SweepStep
from advmi_core.validate import check_choice


def sweep(
    preset: Annotated[str, typer.Option(help=f"One of {', '.join(PRESETS)}.")],
    n: Annotated[int | None, count_option("Images, the first of the split.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Name of a data set, see `advmi data list`.")] = None,
    split: Annotated[str | None, typer.Option(help="train or test.")] = None,
    model: Annotated[str | None, typer.Option(help=MODEL_HELP)] = None,
    images: Data = None,
    shape: Shape = None,
    mean: Mean = None,
    std: Std = None,
    seed: Annotated[int | None, seed_option("Seed of all random numbers.")] = None,
    shard: Annotated[int | None, count_option("Images computed and kept at once.")] = None,
    executor: Annotated[str, typer.Option(help=f"{', '.join(EXECUTORS)}; all give the same bytes.")] = (
        "processes"
    ),
    workers: Annotated[
        int | None, count_option("Shards at once; default one a core, 1 on a GPU.", most=MOST_WORKERS)
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster; without it Ray stays on this machine.")
    ] = None,
    runs: Annotated[
        Path | None, folder_option("Where the runs lie; default $ADVMI_RUNS or the app's own folder.")
    ] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Several attacks over ε: success, MI and distances on the images that the model gets right."""
    with clear_errors():
        tune_cpu()
        check_choice(preset, "preset", tuple(PRESETS))
        usual = PRESETS[preset]
        name, pictures = own_inputs(model or usual.model, images, dataset or usual.dataset, shape, mean, std)
        given: dict[str, Any] = {"n": n, "split": split, "seed": seed, "shard": shard}
        given |= {"model": name, "dataset": pictures}
        chosen = replace(usual, **{key: value for key, value in given.items() if value is not None})
        began = time.perf_counter()
        run = chosen.run(runs, executor=executor, workers=workers, ray_address=ray_address, device=device)
        result = watch(run.announce(), _describe, as_json)
        facts = _facts(chosen, result) | {
            "seconds": round(time.perf_counter() - began, 3),
            "device": describe(pick(device)),
        }
        say(facts) if as_json else _tell(facts)
    if not result.complete:
        people.print("Not finished; the same command goes on from here.")
        raise typer.Exit(130)


def _describe(step: SweepStep) -> str:
    return f"{step.cell.method}, ε = {step.cell.eps:g}{' (kept)' if step.reused else ''}"


def _facts(chosen: Sweep, result: SweepResult) -> dict[str, Any]:
    rows = [
        {"cell": cell.id, "method": cell.method, "eps": cell.eps, **summary.facts()}
        | {"seconds_per_image": json_number(result.seconds[cell])}
        for cell, summary in result.table()
    ]
    return {
        "sweep": chosen.name,
        "dataset": chosen.dataset,
        "split": chosen.split,
        "model": chosen.model,
        "images": chosen.n,
        "seed": chosen.seed,
        "cells": rows,
        "complete": result.complete,
        "partial": not result.complete,
        "folder": str(result.folder),
    }


def _tell(facts: dict[str, Any]) -> None:
    counted = max((row["counted"] for row in facts["cells"]), default=0)
    title = f"{facts['sweep']}: {facts['model']} on {facts['dataset']}, {counted} images counted"
    table = Table(title=title)
    table.add_column("method", no_wrap=True)
    for heading in ("ε", "ASR", "95 %", "kept", "MI, nats", "L2", "s/image"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in facts["cells"]:
        low, high = map(_text, row["asr_interval"])
        mi = f"{_text(row['mi']['mean'])} ± {_text(row['mi']['std'])}"
        kept = percent(math.nan if row["kept"]["mean"] is None else row["kept"]["mean"])
        eps = f"{row['eps']:g}" if row["eps"] < UNBOUNDED else "–"
        cost = (_text(row["l2"]), _text(row["seconds_per_image"]))
        table.add_row(row["method"], eps, _text(row["asr"]), f"{low}–{high}", kept, mi, *cost)
    show(table)
    people.print(f"computed on {facts['device']}, kept in {facts['folder']}", highlight=False, soft_wrap=True)


def _text(value: float | None) -> str:
    return number(math.nan if value is None else value)
