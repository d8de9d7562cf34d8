"""Would the epochs of trained defences be kept again? `ADVMI_DATA=<data folder> python -m
benchmarks.epoch_choice --trained assets/robustness/models`.

Cards without ``validated_by`` are of trainings that counted what was right after the last step of their own
PGD; now an image has to be right at every iterate of PGD on the cross entropy. No epoch can have more right
at all steps of an attack than at its last, so an epoch is kept again if it has more right by the new rule
than every earlier one by the old, and as many as every later one (of equals the first is kept). Where the
training's own PGD was another attack (TRADES, NAMID_T) that says nothing.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import torch

from advmi_core import data, models
from advmi_core.defenses import DefenseSpec
from advmi_core.defenses.learner import DefenseLearner
from advmi_core.defenses.parallel import Ranks
from advmi_core.defenses.records import LossTerms
from advmi_core.defenses.validation import validate
from advmi_core.device import tune_cpu
from advmi_core.models.training.splits import make_splits


def judged(card: Path) -> str:
    """One line about one model."""
    told = json.loads(card.read_text(encoding="utf-8"))
    spec, kept = DefenseSpec(**told["spec"]), told["validation"]
    used = told["dataset"]["training_images"] + told["dataset"]["validation_images"]
    images = data.load(spec.dataset, "train").take(range(used))
    splits = make_splits(spec, images, data.load(spec.dataset, "test"))
    network = models.load(spec.model, weights=card.with_suffix(".safetensors"))
    learner = DefenseLearner(network, spec, None, torch.device("cpu"), Ranks())
    nothing = LossTerms(*[math.nan] * 6)
    found = validate(learner, splits.validation_x, splits.validation_y, kept["epoch"], nothing).robust
    history = json.loads(card.with_name(f"{spec.model}-history.json").read_text(encoding="utf-8"))
    others = max(epoch["robust"] for epoch in history if epoch["epoch"] != kept["epoch"])
    again = all(
        found >= epoch["robust"] if epoch["epoch"] > kept["epoch"] else found > epoch["robust"]
        for epoch in history
        if epoch["epoch"] != kept["epoch"]
    )
    if "validated_by" in told:
        verdict = "chosen by this rule"
    elif spec.method.base.inner != "ce":
        verdict = "open: its PGD was another attack"
    else:
        verdict = "kept again" if again else "open"
    return (
        f"{card.parts[-3]} {card.parts[-2]}: epoch {kept['epoch']}, {kept['robust']:.3f} in its card, "
        f"{found:.3f} at every iterate; the best other epoch {others:.3f}: {verdict}"
    )


def main() -> None:
    """One line a model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trained", type=Path, required=True, help="folder with the trained models")
    given = parser.parse_args()
    tune_cpu()
    torch.set_num_threads(1)
    for history in sorted(given.trained.glob("*/seed-*/*-history.json")):
        print(judged(history.with_name(history.name.replace("-history", ""))), flush=True)


if __name__ == "__main__":
    main()
