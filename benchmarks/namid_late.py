"""What NAMID's term does to a model that has nearly learnt: `ADVMI_DATA=<data folder> python -m
benchmarks.namid_late --trained DIR --out DIR [--seed 0] [--json FILE]`.

Two whole trainings differ by what chance does, whatever they train. Here one Standard AT is trained for 7 of
10 epochs; from there it goes on alone, and with NAMID's term at several α and λ, with one estimator alone and
with estimators by Eq. 4: same weights, same images and same noise, so a difference is the term's. The epoch
is chosen on the validation images, among those after the 7; measured is on training images that no training
and no choice saw, by PGD-10. The test split is not touched but for the cards. ``--trained`` is a folder that
`advmi train-defences` filled, with estimators; what is finished in ``--out`` is kept. The page
Defence shows every assets/studies/namid-late*.json that ``--json`` wrote.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from advmi_core import data, models
from advmi_core.defenses import DefenseSpec, train_defense
from advmi_core.defenses.estimator_spec import STAGES
from advmi_core.device import tune_cpu
from advmi_core.evaluation.bootstrap import paired_bootstrap
from advmi_core.files import write_text
from advmi_core.mi.local.dim import KINDS
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models.folding import folded
from advmi_core.models.training.progress import ProgressFile
from advmi_core.models.training.splits import make_splits
from advmi_core.studies.robustness.suite import suite
from advmi_core.studies.robustness.work import right_under

ALONE = "standard"
ATTACK = "PGD-10"
PART = 250
FIRST_STAGE, BOTH_STAGES = STAGES
SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "alpha-0.1": ({"alpha": 0.1}, BOTH_STAGES),
    "alpha-0.3": ({"alpha": 0.3}, BOTH_STAGES),
    "alpha-1": ({"alpha": 1.0}, BOTH_STAGES),
    "alpha-0.3-penalty-0": ({"alpha": 0.3, "penalty": 0.0}, BOTH_STAGES),
    "alpha-0.3-penalty-1": ({"alpha": 0.3, "penalty": 1.0}, BOTH_STAGES),
    "alpha-0.3-natural": ({"alpha": 0.3, "terms": "natural"}, BOTH_STAGES),
    "alpha-0.3-adversarial": ({"alpha": 0.3, "terms": "adversarial"}, BOTH_STAGES),
    "alpha-0.3-first-stage": ({"alpha": 0.3}, FIRST_STAGE),
}
"""Name → fields of ``DefenseSpec``, and the stage of its estimators."""
_TERMS = {"natural": "E_n alone", "adversarial": "E_a alone"}


def title(name: str) -> str:
    """A row for people: what differs from NAMID with λ = 0.1 and estimators by Eq. 5."""
    if name == ALONE:
        return "Standard AT alone"
    changes, kind = SETTINGS[name]
    parts = [f"α = {changes['alpha']:g}"]
    parts += [f"λ = {changes['penalty']:g}"] if "penalty" in changes else []
    parts += [_TERMS[changes["terms"]]] if "terms" in changes else []
    parts += ["estimators by Eq. 4"] if kind == FIRST_STAGE else []
    return ", ".join(parts)


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trained", type=Path, required=True, help="folder with the trained models")
    parser.add_argument("--out", type=Path, required=True, help="folder for what is trained here")
    parser.add_argument("--model", default="resnet18-w8")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--after", type=int, default=7, help="epochs before α begins to rise")
    parser.add_argument("--held", type=int, default=10_000, help="images that are measured on")
    parser.add_argument(
        "--settings", nargs="+", choices=tuple(SETTINGS), default=list(SETTINGS),
        help="some of them, so that processes share the work; default: all",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="file for the rows")
    return parser.parse_args()


class Late:
    """One seed's model of a few epochs, and what becomes of it."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self.out = given, given.out / f"seed-{given.seed}"
        card = given.trained / ALONE / f"seed-{given.seed}" / f"{given.model}.json"
        told = json.loads(card.read_text(encoding="utf-8"))
        self.spec = DefenseSpec(**told["spec"])
        whole = data.load(self.spec.dataset, "train")
        used = told["dataset"]["training_images"] + told["dataset"]["validation_images"]
        self.images, self.test = whole.take(range(used)), data.load(self.spec.dataset, "test")
        self.held = whole.take(range(used, used + given.held))
        self.splits = make_splits(self.spec, self.images, self.test)

    def run(self) -> list[dict[str, Any]]:
        """A row a setting, Standard AT alone first."""
        self.begin()
        first, right_alone = self.go_on(ALONE, self.spec, self.estimators(BOTH_STAGES))
        rows = [first]
        print(json.dumps(first), flush=True)
        for name in self.given.settings:
            changes, kind = SETTINGS[name]
            late = {"defense": "namid", "penalty": 0.1, "delay": self.given.after, "warmup": 1}
            spec = replace(self.spec, **(late | changes))
            row, right = self.go_on(name, spec, self.estimators(kind))
            apart = paired_bootstrap(right, right_alone)
            rows.append(row | {"difference": apart.mean, "low": apart.low, "high": apart.high})
            print(json.dumps(rows[-1]), flush=True)
        return rows

    def estimators(self, kind: str) -> LocalEstimators:
        """Those of the seed; Standard AT is only measured by them."""
        return LocalEstimators.load(self.folder(kind))

    def folder(self, kind: str) -> Path:
        """Where the estimators of a stage lie."""
        return self.given.trained / "estimators" / f"seed-{self.given.seed}" / kind

    def about(self) -> dict[str, Any]:
        """What all rows have in common."""
        path = self.folder(BOTH_STAGES) / f"local-dim-{KINDS[0]}.json"
        card = json.loads(path.read_text(encoding="utf-8"))
        return {
            "standard": self.spec.to_dict(), "after": self.given.after, "held": self.given.held,
            "attack": ATTACK, "estimators": card["spec"],
        }  # fmt: skip

    def progress(self, name: str, spec: DefenseSpec, estimators: LocalEstimators | None) -> ProgressFile:
        """Where a training keeps how far it is."""
        told = "" if estimators is None else estimators.digest()
        return ProgressFile(self.out / name, spec, self.splits, told)

    def begin(self) -> None:
        """Standard AT up to the epoch that all go on from, as a training that is stopped there."""
        after = self.given.after
        found = self.progress("begun", self.spec, None).read()
        if found is not None and found[0].step >= after * (len(self.splits.train_y) // self.spec.batch):
            return
        run = train_defense(
            self.spec, self.out / "begun", images=self.images, test=self.test, record_every=10**9
        )
        for step in run:
            if step.epoch == after and step.finished is not None:
                run.close()

    def go_on(
        self, name: str, spec: DefenseSpec, estimators: LocalEstimators
    ) -> tuple[dict[str, Any], NDArray[np.bool_]]:
        """The row of a training that begins where all do; (n,) bool, right on x̃ of the held images."""
        folder, own = self.out / name, self.progress(name, spec, estimators)
        card = folder / f"{spec.model}.json"
        if not card.is_file():
            if own.read() is None:
                begun = self.progress("begun", self.spec, None).read()
                assert begun is not None  # ``begin`` has made it
                folder.mkdir(parents=True, exist_ok=True)
                progress, tensors = begun
                own.write(replace(progress, best={}), tensors)  # an epoch that all share is none of its own
            train_defense(
                spec, folder, estimators=estimators, images=self.images, test=self.test, record_every=10**9
            ).drain()
        network = folded(models.load(spec.model, weights=card.with_suffix(".safetensors")))
        clean, right = (self.right(network, label) for label in ("None", ATTACK))
        kept = json.loads(card.read_text(encoding="utf-8"))["validation"]
        row = {
            "name": name, "title": title(name), "clean": float(clean.mean()), "robust": float(right.mean()),
            "validation": kept,
        }  # fmt: skip
        return row, right

    def right(self, network: torch.nn.Module, label: str) -> NDArray[np.bool_]:
        """(n,) bool of the held images under a column of the robustness tables."""
        column, x, y = suite(self.spec.eps, self.spec.norm)[label], self.held.x, self.held.y
        starts = range(0, len(x), PART)
        rows = np.arange(len(x))
        return np.concatenate(
            [
                right_under(column, network, x[at : at + PART], y[at : at + PART], rows[at : at + PART])
                for at in starts
            ]
        )


def main() -> None:
    """Train what is missing, print a row a setting."""
    given = options()
    tune_cpu()
    torch.set_num_threads(1)
    study = Late(given)
    rows = study.run()
    if given.json:
        table = {"spec": study.about(), "rows": rows}
        write_text(given.json, json.dumps(table, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
