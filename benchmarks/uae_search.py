"""Which UAEs help? A bounded search on validation images: `python benchmarks/uae_search.py [--json FILE]`.

One parameter at a time is varied, the best value kept: weight of the MI, step α, size of the random start,
critic steps, warm-up, iterations, share of the UAEs mixed in, success filter, target; then the best is tried
with fewer and more training images. Best is the lowest loss among settings whose UAEs the optimisation moved
at least as far as their random start and of which at least half succeed. Everything is measured on training
images that no training saw; the test split is not touched. The loss is compared with the original's and with
Gaussian noise's of the same length, both in as many gradient steps, paired over seeds. Finished parts are
kept, so the same command goes on after a stop.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from advmi_core.device import tune_cpu
from advmi_core.evaluation import Paired
from advmi_core.files import json_number
from advmi_core.parts import user_folder, write_text
from advmi_core.retraining import RetrainingStudy, RowSummary

SEARCHES = (("ae-dense", "mine-uae-patches"), ("ae-conv", "mine-uae-conv"), ("ae-dense", "l2-uae"))
COORDINATES: dict[str, tuple[Any, ...]] = {
    "mi_weight": (1.0, 3.0, 10.0, 30.0, 100.0),
    "alpha": (0.01, 0.03, 0.1, 0.3),
    "start": (0.01, 0.03, 0.086),
    "inner": (1, 5, 20),
    "warmup": (0, 80),
    "steps": (20, 40),
    "share": (0.25, 0.5, 1.0),
    "only_successful": (False, True),
    "targets": ("self", "original"),
}
REGIMES = (500, 1000, 5000)
MOVED, SUCCEEDED = 0.5, 0.5
# Where the search begins. Without a warm-up the published MI keeps a UAE's start, whatever else is chosen; an
# untrained critic's bound on random projections is below 0, and a UAE needs an MI above it.
FIRST: dict[str, dict[str, Any]] = {
    "mine-uae-conv": {"start": 0.03, "alpha": 0.03, "inner": 5, "warmup": 80},
    "mine-uae-patches": {"start": 0.03, "alpha": 0.1, "inner": 5, "warmup": 0},
    "l2-uae": {"start": 0.03, "alpha": 0.1, "inner": 1, "warmup": 0},
}
IMAGES = {"ae-dense": 1000, "ae-conv": 500}
EPOCHS = {"ae-dense": 40, "ae-conv": 20}
LARGEST = {"ae-dense": 5000, "ae-conv": 1000}  # of the regimes, what the time allows

Line = dict[str, Any]


def measure(study: RetrainingStudy, row: str, folder: Path) -> Line:
    """One setting: train it, and say how its row did."""
    run = study.run(folder)
    lines = {line.row: line for line in run.drain().table() if line.protocol == "equal-steps"}
    found = lines[row]
    setting = {name: getattr(study, name) for name in ("n", *COORDINATES)}
    return {"model": found.model, "row": row, **setting, **_facts(found)}


def _facts(found: RowSummary) -> Line:
    return {
        "loss": json_number(found.mean),
        "minus_original": _ends(found.against_original),
        "minus_gaussian": _ends(found.against_gaussian),
        "asr": json_number(found.asr_train),
        "used": found.used,
        "l2": json_number(found.l2),
        "moved_share": json_number(found.moved_share),
    }


def _ends(pairs: Paired | None) -> list[float | None]:
    return [] if pairs is None else [json_number(value) for value in (pairs.mean, pairs.low, pairs.high)]


def search(model: str, row: str, args: argparse.Namespace) -> Iterator[Line]:
    """All settings of one row of one model, in the order tried."""
    study = RetrainingStudy(
        models=(model,), rows=("original", row, "gaussian"), n=args.n or IMAGES.get(model, 500),
        measured="validation", asr_images=0, seeds=tuple(range(args.seeds)),
        epochs=args.epochs or EPOCHS.get(model), device="cpu", **FIRST[row],
    )  # fmt: skip
    for name, values in COORDINATES.items():
        if row == "l2-uae" and name in ("inner", "warmup"):
            continue  # it has no critic
        tried: list[Line] = []
        for value in values:
            tried.append({"varied": name} | measure(replace(study, **{name: value}), row, args.parts))
            yield tried[-1]
        study = replace(study, **{name: best(tried)[name]})
    for n in REGIMES:
        if n <= min(LARGEST.get(model, n), args.largest):
            yield {"varied": "n"} | measure(replace(study, n=n), row, args.parts)


def best(tried: list[Line]) -> Line:
    """The lowest loss among settings whose optimisation counts, or among all where it never does."""
    counts = [line for line in tried if line["moved_share"] >= MOVED and line["asr"] >= SUCCEEDED]
    return min(counts or tried, key=lambda line: float(line["loss"]))


def show(line: Line) -> None:
    """One line of the table."""
    original, gaussian = (
        "{:+.4f} [{:+.4f}, {:+.4f}]".format(*(1000 * (end or 0) for end in line[name]))
        for name in ("minus_original", "minus_gaussian")
    )
    varied = f"{line['varied']}={line[line['varied']]}"
    numbers = f"{100 * line['asr']:5.1f} {line['l2']:6.2f} {line['moved_share']:6.2f}"
    loss = f"{1000 * line['loss']:8.4f}  {original:28} {gaussian:28}"
    print(f"{line['model']:9} {line['row']:17} {varied:22} {loss} {numbers}", flush=True)


def main() -> None:
    """Search, print, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="only this autoencoder")
    parser.add_argument("--row", help="only this row; with --model, any pair")
    parser.add_argument("--n", type=int, help="training images; default: 1000 for ae-dense, 500 otherwise")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of every setting")
    parser.add_argument("--epochs", type=int, help="default: 40 for ae-dense, 20 for ae-conv")
    parser.add_argument(
        "--largest", type=int, default=max(REGIMES), help="of the numbers of images tried last"
    )
    parser.add_argument("--parts", type=Path, default=user_folder(), help="keeps finished parts")
    parser.add_argument(
        "--json", type=Path, help="where to write all settings, e.g. assets/studies/uae-search.json"
    )
    args = parser.parse_args()
    tune_cpu()
    print("Losses in 10⁻³ squared error per pixel on validation images, equal gradient steps, with 95 %.")
    differences = f"{'− original':28} {'− Gaussian':28}"
    print(f"{'model':9} {'row':17} {'varied':22} {'loss':>8}  {differences}   ASR     L2  moved")
    found: list[Line] = []
    named = [pair for pair in SEARCHES if args.model in (None, pair[0]) and args.row in (None, pair[1])]
    for model, row in [(args.model, args.row)] if args.model and args.row else named:
        for line in search(model, row, args):
            show(line)
            found.append(line)
            if args.json:
                write_text(args.json, json.dumps({"settings": found}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
