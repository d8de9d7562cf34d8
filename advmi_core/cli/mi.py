"""The command ``advmi mi``: an estimator on samples whose mutual information is known."""

from __future__ import annotations

import time
from dataclasses import fields
from typing import Annotated, Any

import typer
from rich.table import Table

from advmi_core.cli.console import Device, Json, clear_errors, people, say, show, watch
from advmi_core.cli.options import count_option, number_option, seed_option
from advmi_core.device import describe, pick, tune_cpu
from advmi_core.mi.dataset.estimators import ESTIMATORS, Estimator
from advmi_core.mi.dataset.tasks import TASKS, Task
from advmi_core.validate import check_choice


def mi(
    task: Annotated[str, typer.Option(help=f"One of {', '.join(TASKS)}.")] = "gaussian",
    mi: Annotated[float, number_option("True mutual information in nats.")] = 1.0,
    dim: Annotated[int | None, count_option("Coordinates of each side; default: the task's.")] = None,
    estimator: Annotated[str, typer.Option(help=f"One of {', '.join(ESTIMATORS)}.")] = "dv",
    n: Annotated[int, count_option("Samples.")] = 10_000,
    steps: Annotated[int | None, count_option("Adam steps; default: the estimator's.")] = None,
    seed: Annotated[int, seed_option("Seed of the samples and of the estimator.")] = 0,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Estimate mutual information where the true value is known in closed form."""
    with clear_errors():
        tune_cpu()
        known = _task(task, dim, mi)
        chosen = _estimator(estimator, seed, steps)
        place = pick(device)
        x, y = (side.to(place) for side in known.sample(n, seed=seed))
        began = time.perf_counter()
        result = watch(chosen.run(x, y), lambda step: f"held out {step.held_out:.3f} nats", as_json)
        facts = {
            "task": task,
            "truth": known.mutual_information,
            "value": result.value,
            "error": result.value - known.mutual_information,
            "warnings": list(result.warnings),
            "seconds": round(time.perf_counter() - began, 3),
            "device": describe(place),
            "parameters": {"mi": mi, "dim": known.dim, "n": n, **result.parameters},
        }
        say(facts) if as_json else _tell(facts)


def _task(name: str, dim: int | None, mi: float) -> Task:
    check_choice(name, "task", tuple(TASKS))
    return TASKS[name](mi=mi) if dim is None else TASKS[name](mi=mi, dim=dim)


def _estimator(name: str, seed: int, steps: int | None) -> Estimator:
    check_choice(name, "estimator", tuple(ESTIMATORS))
    kind = ESTIMATORS[name]
    given: dict[str, Any] = {"seed": seed}
    if steps is not None:
        if "steps" not in {field.name for field in fields(kind)}:
            raise ValueError(f"steps must not be given for {name!r}, a closed form, got {steps}")
        given["steps"] = steps
    return kind(**given)


def _tell(facts: dict[str, Any]) -> None:
    parameters = facts["parameters"]
    table = Table(title=f"{parameters['estimator']} on {facts['task']}", show_header=False)
    table.add_row("true mutual information (nats)", f"{facts['truth']:.4g}")
    table.add_row("estimate (nats)", f"{facts['value']:.4g}")
    table.add_row("error (nats)", f"{facts['error']:+.2g}")
    table.add_row("samples", str(parameters["n"]))
    table.add_row("seconds", f"{facts['seconds']:.3g}")
    table.add_row("computed on", facts["device"])
    show(table)
    for line in facts["warnings"]:
        people.print(line, highlight=False, soft_wrap=True)
