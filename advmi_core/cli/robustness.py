"""The commands ``advmi table whitebox|blackbox|ablation``: trained defences under attacks."""

from __future__ import annotations

from collections.abc import Callable
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
from advmi_core.cli.options import (
    MOST_SEEDS,
    check_radius,
    count_option,
    folder_option,
    number_option,
)
from advmi_core.device import describe, pick, tune_cpu
from advmi_core.evaluation import Paired
from advmi_core.figures.robustness import table as robustness_table
from advmi_core.figures.robustness import text as robustness_words
from advmi_core.files import json_number
from advmi_core.studies.robustness import (
    Line,
    RobustnessResult,
    RobustnessStep,
    RobustnessStudy,
    SeedLine,
    stored,
)
from advmi_core.studies.robustness.known import check_nothing_lost
from advmi_core.validate import check_count

ABOUT = {
    "whitebox": "Accuracy of the seven defences under attacks on themselves, beside the published figures.",
    "blackbox": "Accuracy of the defences on x̃ made on another architecture, beside the published figures.",
    "ablation": "Accuracy of NAMID without E_a, without E_n, with λ = 0, and by Eq. 4 estimators.",
}
"""Command → what it says of itself."""

Trained = Annotated[
    Path | None, typer.Option(help="Of --run: folder that `advmi train-defences --out` filled.")
]
Names = list[str] | None


def command(kind: str) -> Callable[..., None]:
    """The command of one kind of table."""

    def table(
        run: Compute = False,
        trained: Trained = None,
        dataset: Dataset = "fashion-mnist",
        model: Annotated[str, typer.Option(help="Of --run: architecture of the models.")] = "resnet18-w8",
        rows: Annotated[Names, typer.Option("--row", help="Of --run: defences; default: all.")] = None,
        attacks: Annotated[
            Names, typer.Option("--attack", help="Of --run: PGD-40, AA, …; default: all of the kind.")
        ] = None,
        n: Annotated[int, count_option("Of --run: test images, the first of the split.")] = 10_000,
        autoattack_images: Annotated[int, count_option("Of --run: the first so many for AA.")] = 500,
        guard_images: Annotated[
            int, count_option("Of --run: the first so many for PGD-1, PGD-10, PGD-100, PGD-40 ×5.")
        ] = 1_000,
        seeds: Annotated[int, count_option("Of --run: trainings, seeds 0, 1, …", most=MOST_SEEDS)] = 2,
        norm: Annotated[str, typer.Option(help="linf or l2.")] = "linf",
        eps: Annotated[float | None, number_option("Of --run: ε; default: that of the training.")] = None,
        surrogate: Annotated[
            str | None, typer.Option(help="Of blackbox --run: the model that x̃ is made on.")
        ] = None,
        surrogate_weights: Annotated[Path | None, typer.Option(help="Its .safetensors file.")] = None,
        batch: Annotated[int, count_option("Of --run: images that a kill loses at most.")] = 250,
        runs: Runs = None,
        out: Annotated[
            Path | None,
            folder_option(
                "Also store the result of --run here, as assets/robustness holds it; what a result "
                "there has already is not measured again."
            ),
        ] = None,
        csv: Csv = None,
        latex: Latex = None,
        device: Device = "auto",
        as_json: Json = False,
    ) -> None:
        with clear_errors():
            if run:
                tune_cpu()
                check_count(seeds, "seeds")
                check_radius(eps, norm)
                if trained is None:
                    raise ValueError("--run needs --trained, the folder of the trained models, got none")
                study = RobustnessStudy(
                    kind=kind, trained=trained, dataset=dataset, model=model, rows=rows, attacks=attacks, n=n,
                    autoattack_images=autoattack_images, guard_images=guard_images, seeds=tuple(range(seeds)),
                    norm=norm, eps=eps, surrogate=surrogate, surrogate_weights=surrogate_weights, batch=batch,
                    device=device,
                )  # fmt: skip
                earlier = None if out is None else stored.found(kind, dataset, norm, out)
                if earlier is not None:
                    check_nothing_lost(study.spec(), earlier)
                noted = study.run(runs or paths.studies(), earlier).announce()
                result = watch(noted, _describe, as_json)
                people.print(f"computed on {describe(pick(device))}", highlight=False)
                if out is not None and result.complete:
                    stored.save(result, out)
            else:
                result = stored.load(kind, dataset, norm)
            lines = result.table()
            export(robustness_table.as_csv(lines), csv)
            export(robustness_table.as_latex(lines), latex)
            say([_facts(line) for line in lines]) if as_json else _tell(result, lines)
        need_complete(result.complete)

    table.__doc__ = ABOUT[kind]
    return table


def _describe(step: RobustnessStep) -> str:
    return f"{step.row}, seed {step.seed}, {step.attack}: images {step.start}–{step.stop - 1}"


def _facts(line: Line) -> dict[str, Any]:
    """One line as JSON; accuracies and differences in percent, None where nothing was measured."""
    found = line.published
    return {
        "row": line.title,
        "attack": line.attack,
        "images": line.images,
        "accuracy": _percent(line.mean),
        "accuracy_std": _percent(line.std),
        "seeds": [_of_seed(seed) for seed in line.seeds],
        "baseline": line.baseline,
        "difference": _percent(line.difference),
        "difference_std": _percent(line.difference_std),
        "published": found
        and {
            "accuracy": _percent(found.accuracy),
            "dataset": found.dataset,
            "same_dataset": found.same_dataset,
        },
    }


def _of_seed(line: SeedLine) -> dict[str, Any]:
    ends = line.accuracy.interval
    return {
        "seed": line.seed,
        "images": line.accuracy.images,
        "accuracy": _percent(line.accuracy.value),
        "interval": [_percent(ends.low), _percent(ends.high)],
        "difference": line.difference and _ends(line.difference),
    }


def _ends(pairs: Paired) -> dict[str, float | None]:
    return {name: _percent(getattr(pairs, name)) for name in ("mean", "low", "high")}


def _percent(share: float) -> float | None:
    return json_number(round(100 * share, 6))


def _tell(result: RobustnessResult, lines: list[Line]) -> None:
    spec = result.spec
    norm = {"linf": "L∞", "l2": "L2"}[spec["norm"]]
    where = f"Accuracy on test images of {spec['dataset']}, {norm}, ε = {spec['eps']:.4g}"
    made = f", x̃ made on {spec['surrogate']['model']}" if spec["surrogate"] else ""
    _print(f"{where}{made}, mean ± std over seeds", robustness_table.wide(lines), 1)
    _print("Differences in percentage points, same seed, same images", robustness_table.differences(lines), 2)
    if any(line.published for line in lines):
        people.print("Published figures are the paper's, of a ResNet-18, and were not measured here.")
    if beside := robustness_words.beside_autoattack(result):
        people.print(beside, highlight=False)
    people.print(
        "Seeds are not pooled: intervals are over images (of each accuracy: --csv, --json). "
        "● marks an interval without 0.",
        highlight=False,
    )
    for sentence in result.doubts():
        people.print(f"[yellow]Doubt:[/yellow] {sentence}.", highlight=False)


def _print(title: str, texts: list[dict[str, str]], left: int) -> None:
    if not texts:
        return
    table = Table(title=title)
    for place, heading in enumerate(texts[0]):
        table.add_column(heading, justify="left" if place < left else "right")
    for text in texts:
        table.add_row(*text.values())
    show(table)
