"""The command ``advmi train-defences``: the models that ``advmi table whitebox`` and others measure."""

from __future__ import annotations

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
from advmi_core.cli.options import MOST_SEEDS, check_radius, count_option, folder_option, number_option
from advmi_core.defenses import DEFENSES, DefenseStep, parallel
from advmi_core.device import describe, tune_cpu
from advmi_core.studies.robustness.training import DefenceTrainings
from advmi_core.studies.robustness.training_spec import TrainedRow, TrainingsResult, TrainingsStep
from advmi_core.studies.robustness.variants import TRAINED
from advmi_core.validate import check_count


def train_defences(
    out: Annotated[Path, folder_option("Folder for the models; `advmi table … --trained` reads it.")],
    study: Annotated[
        str, typer.Option(help=f"Which rows: {', '.join(TRAINED)}; the last three are choices of α, λ and w.")
    ] = "defences",
    rows: Annotated[list[str] | None, typer.Option("--row", help="Some of them; default: all.")] = None,
    seeds: Annotated[int, count_option("Trainings of each row, seeds 0, 1, …", most=MOST_SEEDS)] = 2,
    dataset: Dataset = "fashion-mnist",
    n: Annotated[int, count_option("Training images, the first of the split.")] = 13_000,
    validation: Annotated[float, number_option("Share of them held out to choose the epoch.")] = 1 / 13,
    model: Annotated[str, typer.Option(help="Architecture of the classifiers.")] = "resnet18-w8",
    epochs: Annotated[int, count_option()] = 10,
    batch: Annotated[int, count_option("Images per gradient step.")] = 128,
    lr: Annotated[float, number_option("Highest learning rate.")] = 0.1,
    eps: Annotated[float, number_option("Radius ε of the training's PGD.")] = 0.1,
    norm: Annotated[str, typer.Option(help="linf or l2.")] = "linf",
    steps: Annotated[int, count_option("PGD steps.")] = 10,
    alpha: Annotated[float, number_option("Weight α of NAMID's term.")] = 0.1,
    penalty: Annotated[float, number_option("λ inside it.")] = 0.1,
    wmim_weight: Annotated[float, number_option("Weight w of WMIM's term.")] = 0.1,
    warmup: Annotated[int, count_option("Epochs in which α and w rise.")] = 1,
    clip: Annotated[float, number_option("Longest gradient; 0: no limit.")] = 5.0,
    crop: Annotated[int, count_option("Random shift in pixels.")] = 2,
    units: Annotated[int, count_option("Width of the estimators' codes (published: 2048).")] = 512,
    first: Annotated[int, count_option("Epochs of the estimators by Eq. 4.")] = 5,
    optimised: Annotated[int, count_option("Epochs of the estimators by Eq. 5; 0: none.")] = 1,
    estimator_lr: Annotated[float, number_option("Their learning rate by Eq. 4.")] = 1e-3,
    optimised_lr: Annotated[float, number_option("Their learning rate by Eq. 5.")] = 1e-4,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "float32",
    threads: Annotated[int, count_option("CPU threads; other numbers give other last bits.")] = 1,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Train the defences: Standard AT, estimators of MI on it, and the others; what is there is kept.

    Killed, the same command goes on from the last epoch. Several processes may share a folder: each training
    is computed once. `torchrun --no-python --nproc-per-node=2 advmi train-defences …` trains each model on
    two devices.
    """
    given = {key: value for key, value in locals().items() if key in DefenceTrainings.__dataclass_fields__}
    with clear_errors():
        tune_cpu()
        check_count(seeds, "seeds")
        check_count(threads, "threads")
        check_radius(eps, norm)
        torch.set_num_threads(threads)
        trainings = DefenceTrainings(**{**given, "seeds": tuple(range(seeds))})
        with parallel.processes(device) as place:
            quiet = parallel.Ranks.current().rank > 0
            run = trainings.run(out, place)
            result = watch(run if quiet else run.announce(), _describe, as_json or quiet)
        if quiet:
            return
        people.print(f"computed on {describe(place)}", highlight=False)
        say(_facts(trainings, result)) if as_json else _tell(result)
    need_complete(result.complete)


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
    return {"spec": trainings.spec(), "rows": [_row(row) for row in result.rows]}


def _row(row: TrainedRow) -> dict[str, Any]:
    parameters = DEFENSES[row.spec.defense].parameters
    own = {name: value for name, value in row.spec.to_dict().items() if name in parameters}
    epochs = [epoch.to_dict() for epoch in row.history]
    return {
        "row": row.row, "title": row.title, "seed": row.seed, **own, "kept": row.kept, "history": epochs,
    }  # fmt: skip


def _tell(result: TrainingsResult) -> None:
    table = Table(title="Accuracy on validation images, %, at the epoch that was kept")
    for heading in ("Row", "Seed", "Epoch", "Clean", "Under PGD"):
        table.add_column(heading, justify="left" if heading == "Row" else "right")
    for row in result.rows:
        kept = row.history[row.kept - 1]
        shares = (f"{100 * share:.2f}" for share in (kept.clean, kept.robust))
        table.add_row(row.title, str(row.seed), str(row.kept), *shares)
    show(table)
