"""Which UAEs help? A bounded search on validation images: `python benchmarks/uae_search.py [--json FILE]`.

One parameter at a time is varied, the best value kept: weight of the MI, step α, size of the random start,
critic steps, warm-up, iterations, share of the UAEs mixed in, success filter, target; then the best is tried
with fewer and more training images. Best is the lowest loss among settings whose UAEs the optimisation moved
at least as far as their random start and of which at least half succeed; of the noise of the same loss it is
the length that costs most nearly as much as the solver's UAEs with target x. Everything is measured on
training images that no training saw; the test split is not touched. The loss is compared with the original's
and with Gaussian noise's of the same length, both in as many gradient steps, paired over seeds. Finished
parts are kept, so the same command goes on after a stop.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from advmi_core import paths
from advmi_core.device import tune_cpu
from advmi_core.evaluation import Paired
from advmi_core.files import json_number, write_text
from advmi_core.studies.autoencoders import RetrainingStudy, RowSummary
from advmi_core.studies.autoencoders.records import SAME_LOSS

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
    "noise": (0.5, 1.0, 2.0, 3.0),
}
REGIMES = (500, 1000, 5000)
MOVED, SUCCEEDED = 0.5, 0.5
_AS_DEAR = "solver-uae-x"


@dataclass(frozen=True)
class Search:
    """One row of one autoencoder: where the search begins, what it varies, and what the time allows."""

    model: str
    row: str
    first: dict[str, Any]
    images: int
    epochs: int
    seeds: int
    largest: int = 0
    coordinates: dict[str, tuple[Any, ...]] = field(default_factory=lambda: COORDINATES)


_ATTACK = {name: COORDINATES[name] for name in ("mi_weight", "alpha", "start", "inner", "warmup")}
_LEARNT = {name: values for name, values in COORDINATES.items() if name not in ("inner", "warmup", "noise")}
_PATCHES = {name: values for name, values in COORDINATES.items() if name != "noise"}
_SOLVED = {"mi_weight": (0.1, 0.3, 1.0, 3.0), "share": COORDINATES["share"]}
_NOISE = {"noise": COORDINATES["noise"]}
# Without a warm-up the published MI keeps a UAE's start, whatever else is chosen. Random projections cost
# seven times as much as maps, so less is varied there.
SEARCHES = (
    Search(
        "ae-dense", "mine-uae-patches", {"alpha": 0.1, "inner": 5, "warmup": 0}, 1000, 40, 6, 5000, _PATCHES
    ),
    Search("ae-dense", "l2-uae", {"alpha": 0.1, "inner": 1, "warmup": 0}, 1000, 40, 6, 5000, _LEARNT),
    Search("ae-conv", "mine-uae-conv", {"alpha": 0.03, "inner": 5, "warmup": 80}, 500, 20, 3, 1000, _ATTACK),
    Search(
        "ae-dense", "mine-uae-conv", {"alpha": 0.03, "inner": 5, "warmup": 20}, 250, 40, 6,
        coordinates={"mi_weight": (10.0, 30.0, 100.0), "alpha": (0.01, 0.03), "warmup": (0, 20)},
    ),
    Search("ae-dense", SAME_LOSS, {}, 300, 150, 3, coordinates=_NOISE),
    Search("ae-dense", "solver-uae-x", {}, 300, 150, 3, coordinates=_SOLVED),
    Search("ae-conv", SAME_LOSS, {}, 300, 40, 3, coordinates=_NOISE),
    Search("ae-conv", "solver-uae-x", {}, 300, 40, 3, coordinates=_SOLVED),
)  # fmt: skip

Line = dict[str, Any]


def measure(study: RetrainingStudy, row: str, folder: Path) -> Line:
    """One setting: train it, and say how its row did."""
    run = study.run(folder)
    lines = {line.row: line for line in run.drain().table() if line.protocol == "equal-steps"}
    found = lines[row]
    setting = {name: getattr(study, name) for name in ("n", *COORDINATES)} | {"seeds": len(study.seeds)}
    wanted = {"wanted": json_number(lines[_AS_DEAR].mean)} if row == SAME_LOSS else {}
    return {"model": found.model, "row": row, **setting, **_facts(found), **wanted}


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


def settings(search: Search, parts: Path) -> Iterator[Line]:
    """All settings of a search, in the order tried."""
    study = RetrainingStudy(
        models=(search.model,), rows=_rows(search.row), n=search.images, fooled=0,
        measured="validation", asr_images=0, seeds=tuple(range(search.seeds)), epochs=search.epochs,
        device="cpu", **({"start": 0.03} | search.first if search.first else {}),
    )  # fmt: skip
    for name, values in search.coordinates.items():
        tried: list[Line] = []
        for value in values:
            line = measure(replace(study, **{name: value}), search.row, parts)
            tried.append({"varied": name, "chosen": False} | line)
            yield tried[-1]
        chosen = best(tried)
        chosen["chosen"] = True
        study = replace(study, **{name: chosen[name]})
    for n in REGIMES:
        if n <= search.largest:
            yield {"varied": "n", "chosen": False} | measure(replace(study, n=n), search.row, parts)


def _rows(row: str) -> tuple[str, ...]:
    """A row and those that it is compared with."""
    return tuple(dict.fromkeys(("original", *((_AS_DEAR,) if row == SAME_LOSS else ()), row, "gaussian")))


def best(tried: list[Line]) -> Line:
    """The lowest loss among settings whose optimisation counts, or among all where it never does; of the
    noise of the same loss the one nearest to what is wanted."""
    if "wanted" in tried[0]:
        return min(tried, key=lambda line: abs(float(line["loss"]) - float(line["wanted"])))
    counts = [line for line in tried if line["moved_share"] >= MOVED and line["asr"] >= SUCCEEDED]
    return min(counts or tried, key=lambda line: float(line["loss"]))


def show(line: Line) -> None:
    """One line of the table."""
    original, gaussian = (
        "{:+.4f} [{:+.4f}, {:+.4f}]".format(*(1000 * (end or 0) for end in line[name])) if line[name] else "–"
        for name in ("minus_original", "minus_gaussian")
    )
    varied = f"{line['varied']}={line[line['varied']]}"
    asr, l2, moved = (math.nan if line[name] is None else line[name] for name in ("asr", "l2", "moved_share"))
    numbers = f"{100 * asr:5.1f} {l2:6.2f} {moved:6.2f}"
    loss = f"{1000 * line['loss']:8.4f}  {original:28} {gaussian:28}"
    print(f"{line['model']:9} {line['row']:17} {varied:22} {loss} {numbers}", flush=True)


def main() -> None:
    """Search, print, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="only this autoencoder")
    parser.add_argument("--row", help="only this row")
    parser.add_argument("--parts", type=Path, default=paths.studies(), help="keeps finished parts")
    parser.add_argument(
        "--json", type=Path, help="where to write all settings, e.g. assets/studies/uae-search.json"
    )
    args = parser.parse_args()
    tune_cpu()
    print("Losses in 10⁻³ squared error per pixel on validation images, equal gradient steps, with 95 %.")
    differences = f"{'− original':28} {'− Gaussian':28}"
    print(f"{'model':9} {'row':17} {'varied':22} {'loss':>8}  {differences}   ASR     L2  moved")
    found: list[Line] = []
    for search in SEARCHES:
        if args.model not in (None, search.model) or args.row not in (None, search.row):
            continue
        for line in settings(search, args.parts):
            show(line)
            found.append(line)
    if args.json:
        facts = {"command": "ADVMI_DATA=<data folder> python benchmarks/uae_search.py", "settings": found}
        write_text(args.json, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
