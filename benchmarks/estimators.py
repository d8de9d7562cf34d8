"""Estimators of a data set's MI where the truth is known: `python benchmarks/estimators.py [--json FILE]`.

Every estimator at its defaults on every task, 10,000 samples, seeds 0–4: bias, standard deviation and largest
error in nats, seconds an estimate. The defaults were chosen on seeds from 100. Below the table stands what
Donsker–Varadhan must reach, and whether it did; the exit status is 1 if not.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advmi_core.device import tune_cpu
from advmi_core.files import write_atomically
from advmi_core.mi import ESTIMATORS, TASKS

SAMPLES, SEEDS = 10_000, 5
QUICK_SAMPLES, QUICK_SEEDS = 2_000, 2
ROW = "{:<10} {:<22} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8}"


@dataclass(frozen=True)
class Case:
    """A task, and how far (in nats) Donsker–Varadhan may be from its truth with any seed."""

    task: str
    dim: int
    mi: float
    limit: float | None = None

    @property
    def label(self) -> str:
        return f"{self.task} {self.dim}-d {self.mi:g}"


CASES = (
    Case("gaussian", 1, 0.5, limit=0.05 * 0.5),
    Case("gaussian", 1, 1.0, limit=0.05 * 1.0),
    Case("gaussian", 1, 2.0, limit=0.05 * 2.0),
    Case("gaussian", 5, 2.0, limit=0.10 * 2.0),
    Case("gaussian", 1, 0.0, limit=0.05),
    Case("gaussian", 5, 0.0, limit=0.05),
    Case("half-cube", 1, 1.0, limit=0.10 * 1.0),
    Case("asinh", 1, 1.0, limit=0.10 * 1.0),
    Case("spiral", 2, 1.0),
    Case("rotation-cubic", 3, 1.0),
    Case("noisy-channel", 1, 1.0),
    Case("gaussian", 1, 5.0),
    Case("gaussian", 20, 2.0),
)


def measure(estimator: str, case: Case, samples: int, seeds: int) -> dict[str, Any]:
    """One row of the table."""
    task = TASKS[case.task](dim=case.dim, mi=case.mi)
    errors, seconds, candidates = [], [], 0
    for seed in range(seeds):
        x, y = task.sample(samples, seed=seed)
        began = time.perf_counter()
        result = ESTIMATORS[estimator](seed=seed).estimate(x, y)
        seconds.append(time.perf_counter() - began)
        errors.append(result.value - task.mutual_information)
        candidates = result.parameters.get("candidates", 0)
        if estimator == "infonce":
            assert result.value <= math.log(candidates)  # what the bound promises
    return {
        "estimator": estimator,
        "task": case.task,
        "dim": case.dim,
        "mi": case.mi,
        "truth": task.mutual_information,
        "bias": statistics.mean(errors),
        "std": statistics.stdev(errors),
        "largest_error": max(errors, key=abs),
        "limit": case.limit if estimator == "dv" else None,
        "seconds": statistics.mean(seconds),
    }


def show(case: Case, row: dict[str, Any]) -> str:
    """A row for people."""
    limit = "" if row["limit"] is None else f"±{row['limit']:.3f}"
    return ROW.format(
        row["estimator"],
        case.label,
        f"{row['truth']:.3g}",
        f"{row['bias']:+.3f}",
        f"{row['std']:.3f}",
        f"{row['largest_error']:+.3f}",
        limit,
        f"{row['seconds']:.1f}",
    )


def read(path: Path, samples: int, seeds: int) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of an earlier run of this size, by estimator and task."""
    if not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    same = (found["samples"], found["seeds"]) == (samples, seeds)
    labelled = {
        (row["estimator"], Case(row["task"], row["dim"], row["mi"]).label): row for row in found["rows"]
    }
    return labelled if same else {}


def store(path: Path, rows: list[dict[str, Any]], chosen: Sequence[str], samples: int, seeds: int) -> None:
    """The table as ``advmi report`` reads it."""
    some = "" if tuple(chosen) == tuple(ESTIMATORS) else f" --estimators {' '.join(chosen)}"
    command = f"python benchmarks/estimators.py{some} --json FILE"
    found = {"command": command, "samples": samples, "seeds": seeds, "rows": rows}
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def main() -> None:
    """Print the table, and what of it is promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the rows here; rows already there are kept")
    parser.add_argument("--quick", action="store_true", help="few samples and seeds: does it run?")
    parser.add_argument("--estimators", nargs="+", choices=tuple(ESTIMATORS), default=tuple(ESTIMATORS))
    given = parser.parse_args()
    tune_cpu()
    sizes = (QUICK_SAMPLES, QUICK_SEEDS) if given.quick else (SAMPLES, SEEDS)
    print(f"{sizes[0]} samples, {sizes[1]} seeds; nats")
    print(ROW.format("estimator", "task", "truth", "bias", "std", "largest", "limit", "seconds"))
    known = read(given.json, *sizes) if given.json else {}
    rows = []
    for estimator in given.estimators:
        for case in CASES:
            rows.append(known.get((estimator, case.label)) or measure(estimator, case, *sizes))
            print(show(case, rows[-1]), flush=True)
            if given.json:
                store(given.json, rows, given.estimators, *sizes)
    missed = [row for row in rows if row["limit"] is not None and abs(row["largest_error"]) > row["limit"]]
    if not given.quick and "dv" in given.estimators:
        print(f"dv within its limits with every seed: {'no' if missed else 'yes'}")
        sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
