"""The commands ``advmi table …``: comparisons that AdvMI has stored, or computes anew."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from advmi_core import paths
from advmi_core.cli.console import (
    Compute,
    Csv,
    Dataset,
    Device,
    Json,
    Latex,
    Runs,
    clear_errors,
    export,
    need_complete,
    people,
    say,
    show,
    watch,
)
from advmi_core.cli.options import MOST_SEEDS, count_option, folder_option, with_fields
from advmi_core.device import describe, pick, tune_cpu
from advmi_core.evaluation import Paired
from advmi_core.figures.autoencoders import table as retraining_table
from advmi_core.files import json_number
from advmi_core.studies.autoencoders import (
    AUTOENCODERS,
    ROWS,
    MakingStep,
    Record,
    RetrainingResult,
    RetrainingStudy,
    RowSummary,
    stored,
)
from advmi_core.studies.sweep.spec import check_name
from advmi_core.validate import check_count

table_app = typer.Typer(help="Print a stored comparison; --run computes it.", no_args_is_help=True)


def reconstruction(
    run: Compute = False,
    dataset: Dataset = "fashion-mnist",
    models: Annotated[
        list[str] | None, typer.Option("--model", help="Of --run: autoencoders; default: four.")
    ] = None,
    rows: Annotated[
        list[str] | None, typer.Option("--row", help=f"Of --run: {', '.join(ROWS)}; default: all.")
    ] = None,
    seeds: Annotated[int, count_option("Of --run: trainings of each row.", most=MOST_SEEDS)] = 3,
    runs: Runs = None,
    out: Annotated[
        Path | None, folder_option("Also store the result of --run here, as assets/retraining holds it.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the stored result; default: the data set's.")] = None,
    csv: Csv = None,
    latex: Latex = None,
    device: Device = "auto",
    as_json: Json = False,
    *,
    given: Mapping[str, Any],
) -> None:
    """Reconstruction loss of autoencoders retrained on UAEs, under equal epochs and equal gradient steps."""
    with clear_errors():
        if run:
            tune_cpu()
            check_count(seeds, "seeds")
            check_name(name or dataset, "name")
            study = RetrainingStudy(
                dataset=dataset, models=models or AUTOENCODERS, rows=rows or ROWS,
                seeds=tuple(range(seeds)), device=device, **given,
            )  # fmt: skip
            result = watch(study.run(runs or paths.studies()).announce(), _describe, as_json)
            people.print(f"computed on {describe(pick(device))}", highlight=False)
            if out is not None and result.complete:
                stored.save(result, out, name or dataset)
        else:
            result = stored.load(name or dataset)
        lines = result.table()
        export(retraining_table.as_csv(lines), csv)
        export(retraining_table.as_latex(lines), latex)
        say([_facts(line) for line in lines]) if as_json else _tell(result, lines)
    need_complete(result.complete)


table_app.command("reconstruction")(
    with_fields(reconstruction, {"": RetrainingStudy}, "Of --run:", defaults=True)
)


def _describe(step: Record) -> str:
    if isinstance(step, MakingStep):
        return f"{step.model}, {step.row}: {step.done}/{step.count} {step.split} images"
    return f"{step.model}, {step.row}, seed {step.seed}: epoch {step.epoch}/{step.epochs}"


def _facts(line: RowSummary) -> dict[str, Any]:
    """One line as JSON: losses per pixel, rates and changes in percent, None where nothing was measured."""
    return {
        "model": line.model,
        "row": line.row,
        "protocol": line.protocol,
        "seeds": line.seeds,
        "loss_mean": json_number(line.mean),
        "loss_std": json_number(line.std),
        "change_percent": json_number(line.change),
        "against_original": _ends(line.against_original),
        "against_gaussian": _ends(line.against_gaussian),
        "kept_percent": json_number(100 * line.kept),
        "kept_std_percent": json_number(100 * line.kept_std),
        "kept_against_original": _ends(line.kept_against_original),
        "asr_train_percent": json_number(100 * line.asr_train),
        "asr_test_percent": json_number(100 * line.asr_test),
        "used": line.used,
        "l2": json_number(line.l2),
        "start_l2": json_number(line.start_l2),
        "moved_l2": json_number(line.moved_l2),
    }


def _ends(pairs: Paired | None) -> dict[str, float | None] | None:
    """Mean of the paired difference with its 95 % interval."""
    if pairs is None or math.isnan(pairs.mean):
        return None
    return {name: json_number(getattr(pairs, name)) for name in ("mean", "low", "high")}


def _tell(result: RetrainingResult, lines: list[RowSummary]) -> None:
    spec = result.spec
    title = (
        f"Squared error per pixel on clean {spec['measured']} images of {spec['dataset']}, "
        f"{spec['n']} training images"
    )
    texts = retraining_table.rows(lines)
    table = Table(title=title)
    for heading in texts[0]:
        table.add_column(heading, justify="left" if heading in list(texts[0])[:3] else "right")
    for before, line, text in zip([None, *lines], lines, texts, strict=False):
        if before is not None and (before.model, before.protocol) != (line.model, line.protocol):
            table.add_section()
        table.add_row(*text.values())
    show(table)
    people.print("● marks an interval without 0; only such a difference is a finding.", highlight=False)
