"""The commands ``advmi study …``: many images measured in parts; a killed study goes on where it was."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from advmi_core import paths
from advmi_core.cli.console import Dataset, Device, Json, clear_errors, people, say, show, watch
from advmi_core.cli.inputs.own import MODEL_HELP, Data, Mean, Shape, Std, own_inputs
from advmi_core.cli.options import MOST_SEEDS, check_radius, count_option, folder_option, with_fields
from advmi_core.device import describe, pick, tune_cpu
from advmi_core.figures.text import fixed, number
from advmi_core.studies.sampling.results import StudyResult
from advmi_core.studies.sampling.spec import SAMPLINGS
from advmi_core.studies.sampling.study import SamplingStudy
from advmi_core.validate import check_count

_ON_THE_PAGE = range(10, 1001)  # images that its form offers
study_app = typer.Typer(
    help="Measure many images; the same command goes on after a stop.", no_args_is_help=True
)


@study_app.callback()
def _family() -> None:
    """Keep ``sampling`` a command of its own, although it is the only one so far."""


def sampling(
    out: Annotated[
        Path | None, folder_option("Where the study's folder lies; default: where the app keeps its own.")
    ] = None,
    dataset: Dataset = "fashion-mnist",
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    model: Annotated[str, typer.Option(help=MODEL_HELP)] = "cnn",
    images: Data = None,
    shape: Shape = None,
    mean: Mean = None,
    std: Std = None,
    samplings: Annotated[
        list[str] | None, typer.Option("--sampling", help=f"{', '.join(SAMPLINGS)}; may be repeated.")
    ] = None,
    seeds: Annotated[int, count_option("How often every image is measured.", most=MOST_SEEDS)] = 2,
    device: Device = "auto",
    as_json: Json = False,
    *,
    given: Mapping[str, Any],
) -> None:
    """MI of many images by conv, random and patch sampling: level, spread, cost, and do seeds agree?"""
    with clear_errors():
        tune_cpu()
        check_count(seeds, "seeds")
        check_radius(given["eps"], "linf")
        name, pictures = own_inputs(model, images, dataset, shape, mean, std)
        study = SamplingStudy(
            dataset=pictures, split=split, model=name, samplings=tuple(samplings or SAMPLINGS),
            seeds=tuple(range(seeds)), device=device, **given,
        )  # fmt: skip
        began = time.perf_counter()
        run = study.run(out or paths.studies()).announce(*_of_the_page(study, out))
        result = watch(run, lambda step: f"{step.stage}, seed {step.seed}", as_json)
        facts = _facts(study, result) | {
            "seconds": round(time.perf_counter() - began, 3),
            "device": describe(pick(device)),
        }
        say(facts) if as_json else _tell(facts)
    if not result.complete:
        people.print("Not finished; the same command goes on from here.")
        raise typer.Exit(130)


study_app.command("sampling")(with_fields(sampling, {"": SamplingStudy}, defaults=True))


def _of_the_page(study: SamplingStudy, out: Path | None) -> tuple[str, dict[str, Any]]:
    """The app's page, and what its form holds, if it can show the study; else "" and nothing."""
    of_form = SamplingStudy(n=study.n, eps=study.eps, perturbation=study.perturbation)
    if study != of_form or out is not None or study.n not in _ON_THE_PAGE:
        return "", {}
    form = {"study-n": study.n, "study-eps": study.eps, "study-kind": study.perturbation}
    return "mutual-information", {"section": "sampling"} | form


def _facts(study: SamplingStudy, result: StudyResult) -> dict[str, Any]:
    rows = [
        line.facts() | {"ms_per_image": round(1000 * line.seconds, 3) if line.seconds >= 0 else None}
        for line in result.table()
    ]
    return {
        "study": "sampling",
        "dataset": study.dataset,
        "model": study.model,
        "images": study.n,
        "eps": study.eps,
        "perturbation": study.perturbation,
        "seeds": list(study.seeds),
        "samplings": rows,
        "complete": result.complete,
        "partial": not result.complete,
        "folder": str(result.folder),
    }


def _tell(facts: dict[str, Any]) -> None:
    title = (
        f"MI of {facts['images']} images and their twins, {facts['perturbation']}, ε = {facts['eps']:g}, "
        f"{facts['model']} on {facts['dataset']}, {len(facts['seeds'])} seeds"
    )
    table = Table("sampling", "K", title=title)
    for heading in ("mean, nats", "std, nats", "rank corr.", "ICC(2,1)", "ms/image"):
        table.add_column(heading, justify="right")
    for row in facts["samplings"]:
        cells = [fixed(_float(row[name])) for name in ("mean", "std", "rank_correlation", "icc")]
        table.add_row(row["sampling"], str(row["k"] or "–"), *cells, number(_float(row["ms_per_image"])))
    show(table)
    people.print(f"computed on {facts['device']}, kept in {facts['folder']}", highlight=False, soft_wrap=True)


def _float(value: float | None) -> float:
    return math.nan if value is None else value
