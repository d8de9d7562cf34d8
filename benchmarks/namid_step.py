"""What a step of each defence costs: `python -m benchmarks.namid_step [--widths 64,8] [--json FILE]`.

CPU seconds of this process per step (so that other programs matter little), and the ratio to Standard AT's
step with the same batch. The defences take turns, so that a machine with a changing pace is fair to all;
printed are the least of several rounds, and the median of the rounds' own ratios. An untrained network has
hardly any row right on x and wrong on x̃, so the share of selected rows is imposed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from unittest import mock

import torch
from torch import Tensor

from advmi_core import models
from advmi_core.defenses import DEFENSES, DefenseSpec, learner
from advmi_core.defenses.parallel import Ranks
from advmi_core.device import tune_cpu
from advmi_core.mi.local.dim import KINDS, UNITS, build_local_dim
from advmi_core.mi.local.estimators import LocalEstimators

SHAPE = (1, 28, 28)
NAMES = {64: "resnet18", 16: "resnet18-w16", 8: "resnet18-w8"}


def stepper(defense: str, model: str, batch: int, share: float, units: int) -> Callable[[], float]:
    """A defence at work: each call is one step and gives its CPU seconds."""
    cpu = torch.device("cpu")
    made = {kind: build_local_dim(SHAPE, 10, units=units, kind=kind) for kind in KINDS}
    trained = learner.DefenseLearner(
        models.build(model, SHAPE),
        DefenseSpec(defense=defense, model=model, eps=0.1, batch=batch, lr=1e-4),
        LocalEstimators(**made).to(cpu),
        cpu,
        Ranks(),
    )
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(batch, *SHAPE, generator=generator), torch.arange(batch) % 10

    def some(clean: Tensor, attacked: Tensor, y: Tensor) -> Tensor:
        return torch.arange(len(y)) < share * len(y)

    def step() -> float:
        with mock.patch.object(learner, "selected", some):
            began = time.process_time()
            trained.step(x, y, 1e-4, generator)
            return time.process_time() - began

    return step


def main() -> None:
    """Measure, print one table, write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--widths", default="64,8", help="of ResNet-18: 64, 16, 8")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--share", type=float, default=1 / 3, help="of the rows that are selected")
    parser.add_argument("--units", type=int, default=UNITS, help="of the estimators' codes")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--defenses", default=",".join(DEFENSES))
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    given = parser.parse_args()
    tune_cpu()
    torch.set_num_threads(1)
    print(
        f"torch {torch.__version__}, 1 thread, batch {given.batch}, {given.units} units, "
        f"{given.share:.0%} selected"
    )
    rows = []
    for width in map(int, given.widths.split(",")):
        names = list(dict.fromkeys(["standard", *given.defenses.split(",")]))
        steps = [stepper(name, NAMES[width], given.batch, given.share, given.units) for name in names]
        rounds = [[step() for step in steps] for _ in range(given.repeats + 1)][
            1:
        ]  # the first also allocates
        for defense, taken in zip(names, zip(*rounds, strict=True), strict=True):
            ratio = median(mine / standard for mine, (standard, *_) in zip(taken, rounds, strict=True))
            rows.append({"width": width, "defense": defense, "seconds": min(taken), "ratio": ratio})
            print(
                f"width {width:2d}  {defense:9s} {min(taken):7.3f} CPU-s a step, {ratio:.2f}× Standard AT",
                flush=True,
            )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
