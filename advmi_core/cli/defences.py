"""The command ``advmi train-defences``: the models that ``advmi table whitebox`` and others measure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.table import Table

from advmi_core.cli.console import (
    Dataset,
    Device,
    Json,
    clear_errors,
    need_complete,
    people,
    say,
    show,
    watch,
)
from advmi_core.cli.options import MOST_SEEDS, check_radius, count_option, folder_option, with_fields
from advmi_core.defenses import DefenseStep, parallel
from advmi_core.device import describe, tune_cpu
from advmi_core.studies.robustness.training import DefenceTrainings
from advmi_core.studies.robustness.training_spec import TrainingsResult, TrainingsStep
from advmi_core.validate import check_count


def train_defences(
    out: Annotated[Path, folder_option("Folder for the models; `advmi table … --trained` reads it.")],
    rows: Annotated[list[str] | None, typer.Option("--row", help="Some of them; default: all.")] = None,
    seeds: Annotated[int, count_option("Trainings of each row, seeds 0, 1, …", most=MOST_SEEDS)] = 2,
    dataset: Dataset = "fashion-mnist",
    threads: Annotated[int, count_option("CPU threads; other numbers give other last bits.")] = 1,
    device: Device = "auto",
    as_json: Json = False,
    *,
    given: Mapping[str, Any],
) -> None:
    """Train the defences: Standard AT, estimators of MI on it, and the others; what is there is kept.

    Killed, the same command goes on from the last epoch. Several processes may share a folder: each training
    is computed once. `torchrun --no-python --nproc-per-node=2 advmi train-defences …` trains each model on
    two devices.
    """
    with clear_errors():
        tune_cpu()
        check_count(seeds, "seeds")
        check_count(threads, "threads")
        check_radius(given["eps"], given["norm"])
        torch.set_num_threads(threads)
        trainings = DefenceTrainings(rows=rows, dataset=dataset, seeds=tuple(range(seeds)), **given)
        with parallel.processes(device) as place:
            quiet = parallel.Ranks.current().rank > 0
            run = trainings.run(out, place)
            result = watch(run if quiet else run.announce(), _describe, as_json or quiet)
        if quiet:
            return
        people.print(f"computed on {describe(place)}", highlight=False)
        say(_facts(trainings, result)) if as_json else _tell(trainings, result)
    need_complete(result.complete)


train_defences_command = with_fields(train_defences, {"": DefenceTrainings}, defaults=True)


def _describe(step: TrainingsStep) -> str:
    where, now = f"{step.row}, seed {step.seed}", step.training
    if now is None:
        return "other processes are at what is left"
    return (
        f"{where}: epoch {now.epoch}/{now.epochs}"
        if isinstance(now, DefenseStep)
        else f"{where}: {now.stage}"
    )


def _facts(trainings: DefenceTrainings, result: TrainingsResult) -> dict[str, Any]:
    """All parameters, and of each model the epochs on validation images."""
    rows = []
    for (row, seed), (kept, history) in result.rows.items():
        spec = trainings.training(row, seed)
        own = {name: value for name, value in spec.to_dict().items() if name in spec.method.parameters}
        title, epochs = trainings.variants[row].title, [epoch.to_dict() for epoch in history]
        rows.append({"row": row, "title": title, "seed": seed, **own, "kept": kept, "history": epochs})
    return {"spec": trainings.spec(), "rows": rows}


def _tell(trainings: DefenceTrainings, result: TrainingsResult) -> None:
    table = Table(title="Accuracy on validation images, %, at the epoch that was kept")
    for heading in ("Row", "Seed", "Epoch", "Clean", "Under PGD"):
        table.add_column(heading, justify="left" if heading == "Row" else "right")
    for (row, seed), (kept, history) in result.rows.items():
        shares = (f"{100 * share:.2f}" for share in (history[kept - 1].clean, history[kept - 1].robust))
        table.add_row(trainings.variants[row].title, str(seed), str(kept), *shares)
    show(table)
