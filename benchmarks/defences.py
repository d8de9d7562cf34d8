"""All seven defences on one data set: `ADVMI_DATA=<data folder> python -m benchmarks.defences --out DIR`.

Per seed: Standard AT first, then TRADES and MART, then the local DIM estimators on the model of Standard AT,
then the defences that look through them. What is finished is kept and skipped, what was killed goes on from
its last epoch, so the same command is repeated until it is done; ``--defenses`` and ``--seeds`` let processes
share the work once Standard and the estimators are there.
``torchrun -m benchmarks.defences …`` trains each model on several devices. One line an epoch.

``--study ablation`` trains NAMID without its pieces into the same folder, ``--study alpha`` and ``penalty``
with another α and λ, ``--study weight`` WMIM with other w. What two studies have is trained once. ``--json``
writes what each epoch of a study gave on validation images.
`advmi table whitebox|ablation --run --trained DIR` measures the models.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed

from advmi_core import data, models
from advmi_core.data import ImageSet
from advmi_core.defenses import (
    DEFENSES,
    DefenseSpec,
    EstimatorSpec,
    parallel,
    train_defense,
    train_estimators,
)
from advmi_core.device import tune_cpu
from advmi_core.files import write_text
from advmi_core.mi.local.dim import KINDS
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import Classifier
from advmi_core.studies.robustness import ABLATION, ROWS, Variant

ALPHAS = {
    f"namid-alpha-{alpha:g}": Variant(
        title=f"NAMID, α = {alpha:g}", defense="namid", baseline="namid", changes={"alpha": alpha}
    )
    for alpha in (0.03, 0.3, 1.0, 5.0)
}
"""How α was chosen, on validation images; 5 is published, α = 0 is Standard AT."""
PENALTIES = {
    f"namid-penalty-{penalty:g}": Variant(
        title=f"NAMID, λ = {penalty:g}", defense="namid", baseline="namid", changes={"penalty": penalty}
    )
    for penalty in (1.0,)
}
"""Other λ than the published 0.1; λ = 0 is a row of the ablation."""
WEIGHTS = {
    f"wmim-weight-{weight:g}": Variant(
        title=f"WMIM, w = {weight:g}", defense="wmim", baseline="wmim", changes={"wmim_weight": weight}
    )
    for weight in (0.3,)
}
"""How WMIM's w was chosen, on validation images, from these and the default."""
STUDIES = {
    "defences": ROWS,
    "ablation": ABLATION,
    "alpha": {name: ABLATION[name] for name in ("standard", "namid")} | ALPHAS,
    "penalty": {name: ABLATION[name] for name in ("standard", "namid", "namid-no-penalty")} | PENALTIES,
    "weight": {name: ROWS[name] for name in ("standard", "wmim")} | WEIGHTS,
}


def options() -> argparse.Namespace:
    """The command line; the defaults are the shipped study on Fashion-MNIST."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for weights, cards and histories")
    parser.add_argument("--dataset", default="fashion-mnist")
    parser.add_argument("--images", type=int, default=13_000, help="first so many of the training split")
    parser.add_argument("--validation", type=float, default=1 / 13, help="share of them held out")
    parser.add_argument("--model", default="resnet18-w8")
    parser.add_argument("--study", default="defences", choices=tuple(STUDIES))
    parser.add_argument("--defenses", help="rows of the study, in this order after standard; default: all")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--eps", type=float, default=0.1)
    parser.add_argument("--norm", default="linf")
    parser.add_argument("--steps", type=int, default=10, help="PGD steps")
    parser.add_argument("--alpha", type=float, default=0.1)
    parser.add_argument("--penalty", type=float, default=0.1, help="λ")
    parser.add_argument("--wmim-weight", type=float, default=0.1)
    parser.add_argument("--warmup", type=int, default=1, help="epochs in which α and w rise")
    parser.add_argument("--clip", type=float, default=5.0, help="longest gradient; 0: no limit")
    parser.add_argument("--crop", type=int, default=2)
    parser.add_argument("--units", type=int, default=512, help="of the estimators' codes (published: 2048)")
    parser.add_argument("--first", type=int, default=5, help="epochs of the estimators by Eq. 4")
    parser.add_argument("--optimised", type=int, default=1, help="epochs of the estimators by Eq. 5; 0: none")
    parser.add_argument("--estimator-lr", type=float, default=1e-3, help="by Eq. 4")
    parser.add_argument("--optimised-lr", type=float, default=1e-4, help="by Eq. 5")
    parser.add_argument("--json", type=Path, help="file for the histories of the rows and seeds asked for")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


class Study:
    """One command's models, estimators and histories in a folder."""

    def __init__(self, given: argparse.Namespace, device: torch.device) -> None:
        self.given, self.device, self.ranks = given, device, parallel.Ranks.current()
        self.rows = STUDIES[given.study]
        images = data.load(given.dataset, "train")
        if len(images) < given.images:
            raise SystemExit(
                f"--images {given.images} of {given.dataset} are wanted, {len(images)} are at hand: "
                "name the data folder in ADVMI_DATA, or ask for fewer"
            )
        self.images = images.take(range(given.images))
        self.test: ImageSet = data.load(given.dataset, "test")

    def run(self) -> None:
        """Everything that is not there yet."""
        for seed in map(int, self.given.seeds.split(",")):
            self.defend("standard", seed, None)
            names = self.given.defenses.split(",") if self.given.defenses else self.rows
            others = [name for name in names if name != "standard"]
            looking = [name for name in others if DEFENSES[self.rows[name].defense].term]
            for name in others:
                if name not in looking:
                    self.defend(name, seed, None)
            stages = {self.rows[name].first_stage for name in looking}
            estimators = {first_stage: self.estimate(seed, first_stage) for first_stage in sorted(stages)}
            for name in looking:
                self.defend(name, seed, estimators[self.rows[name].first_stage])
        if self.given.json and self.ranks.rank == 0:
            write_text(self.given.json, json.dumps(self.histories(), indent=1) + "\n")

    def histories(self) -> dict[str, object]:
        """Every epoch on the validation images, of the rows and seeds asked for."""
        given, rows = self.given, []
        names = given.defenses.split(",") if given.defenses else list(self.rows)
        for name in names:
            term = DEFENSES[self.rows[name].defense].term
            for seed in map(int, given.seeds.split(",")):
                folder = given.out / name / f"seed-{seed}"
                card = json.loads((folder / f"{given.model}.json").read_text(encoding="utf-8"))
                history = (folder / f"{given.model}-history.json").read_text(encoding="utf-8")
                rows.append(
                    {
                        "row": name, "title": self.rows[name].title, "seed": seed,
                        "alpha": card["spec"]["alpha"] if term == "namid" else None,
                        "wmim_weight": card["spec"]["wmim_weight"] if term == "wmim" else None,
                        "kept": card["validation"]["epoch"], "history": json.loads(history),
                    }
                )  # fmt: skip
        spec = {
            "study": given.study, "dataset": given.dataset, "model": given.model, "epochs": given.epochs,
            "images": given.images, "validation_images": card["dataset"]["validation_images"],
            "command": self.repeat(),
        }  # fmt: skip
        return {"spec": spec, "rows": rows}

    def defend(self, name: str, seed: int, estimators: LocalEstimators | None) -> None:
        """Train one row."""
        given, folder, variant = self.given, self.given.out / name / f"seed-{seed}", self.rows[name]
        common = DefenseSpec(
            defense=variant.defense, model=given.model, dataset=given.dataset, epochs=given.epochs,
            batch=given.batch, lr=given.lr, eps=given.eps, norm=given.norm, steps=given.steps,
            clip=given.clip, crop=given.crop,
            validation=given.validation, precision=given.precision, seed=seed,
        )  # fmt: skip
        spec = replace(common, **{**self.own(common.method.term), **variant.changes})
        measured_by = None if estimators is None else estimators.digest()
        if self.finished(folder / f"{given.model}.json", spec.to_dict(), estimators=measured_by):
            return
        began = time.perf_counter()
        run = train_defense(
            spec, folder, estimators=estimators, images=self.images, test=self.test, device=self.device,
            record_every=10**9, command=self.command(name, seed),
        )  # fmt: skip
        for step in run:
            if step.finished is not None:
                seen = {key: value for key, value in step.finished.numbers().items() if value is not None}
                seen |= {"loss": step.finished.train.loss, "selected": step.finished.train.selected}
                self.say(f"{name} seed {seed} epoch {step.epoch}/{step.epochs}", seen, began)
        history = run.result.history
        if self.ranks.rank == 0:
            lines = [{"epoch": e.epoch, **e.numbers(), "train": e.train.numbers()} for e in history]
            text = json.dumps(lines, indent=1) + "\n"
            write_text(folder / f"{given.model}-history.json", text)

    def own(self, term: str) -> dict[str, float]:
        """Parameters that count for a term of mutual information alone.

        Other rows keep their defaults, so that they need no new training where one of these is changed.
        """
        given = self.given
        weights = {
            "": {},
            "wmim": {"wmim_weight": given.wmim_weight},
            "namid": {"alpha": given.alpha, "penalty": given.penalty},
        }
        return {**weights[term], "warmup": given.warmup} if term else {}

    def estimate(self, seed: int, first_stage: bool) -> LocalEstimators:
        """The estimators of a seed, trained on its Standard model if they are not there yet.

        Args:
            first_stage: by Eq. 4 alone; those by Eq. 5 go on from them.
        """
        given, name = self.given, "estimators-first-stage" if first_stage else "estimators"
        folder, optimised = given.out / name / f"seed-{seed}", 0 if first_stage else given.optimised
        first = None if first_stage else self.estimate(seed, first_stage=True)
        spec = EstimatorSpec(
            dataset=given.dataset, units=given.units, epochs=given.first, optimised_epochs=optimised,
            batch=given.batch, lr=given.estimator_lr, optimised_lr=given.optimised_lr, eps=given.eps,
            norm=given.norm, steps=given.steps, crop=given.crop, validation=given.validation, seed=seed,
        )  # fmt: skip
        weights = given.out / "standard" / f"seed-{seed}" / f"{given.model}.safetensors"
        aimed_at = {"model": given.model, "sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}
        if not self.finished(folder / f"local-dim-{KINDS[-1]}.json", spec.to_dict(), target=aimed_at):
            began = time.perf_counter()
            target = models.load(given.model, weights=weights)
            assert isinstance(target, Classifier)
            run = train_estimators(
                spec, target, images=self.images, test=self.test, first=first, device=self.device,
                command=self.command("standard", seed),
            )  # fmt: skip
            for step in run:
                if step.held is not None:
                    self.say(f"{name} seed {seed} {step.stage}", vars(step.held), began)
            if self.ranks.rank == 0:
                run.result.estimators.save(folder, run.result.card)
        if self.ranks.size > 1:
            distributed.barrier()  # all go on with the file of rank 0
        return LocalEstimators.load(folder, str(self.device))

    def finished(self, card: Path, spec: dict[str, object], **others: object) -> bool:
        """Whether a card of this very training is there; ``others`` are further facts that it has to tell."""
        if not card.is_file():
            return False
        told = json.loads(card.read_text(encoding="utf-8"))
        images = told["dataset"]["training_images"] + told["dataset"]["validation_images"]
        seen = {**told["spec"], "images": images, **{name: told.get(name) for name in others}}
        wanted = {**spec, "images": self.given.images, **others}
        for name in sorted(seen.keys() | wanted.keys()):
            if seen.get(name) != wanted.get(name):
                raise SystemExit(
                    f"{card} is of another training: its {name} is {seen.get(name)}, wanted "
                    f"{wanted.get(name)}; choose another --out"
                )
        return True

    def command(self, name: str, seed: int) -> str:
        """What repeats one training; folders are named by placeholders."""
        return f"{self.repeat()} --defenses {name} --seeds {seed}"

    def repeat(self) -> str:
        """The command without what only says where, and which part of it."""
        unsaid = ("out", "device", "threads", "defenses", "seeds", "json")
        words = [
            f"--{key.replace('_', '-')} {value}"
            for key, value in vars(self.given).items()
            if key not in unsaid
        ]
        return " ".join(
            ["ADVMI_DATA=<data folder> python -m benchmarks.defences --out <output folder>", *words]
        )

    def say(self, what: str, numbers: dict[str, float], began: float) -> None:
        """One line."""
        if self.ranks.rank == 0:
            words = [f"{key} {value:.4g}" for key, value in numbers.items()]
            print(f"{what}: {', '.join(words)} ({time.perf_counter() - began:.0f} s)", flush=True)


def main() -> None:
    """Train what is missing."""
    given = options()
    tune_cpu()
    torch.set_num_threads(given.threads)
    with parallel.processes(given.device) as device:
        Study(given, device).run()


if __name__ == "__main__":
    main()
