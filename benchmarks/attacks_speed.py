"""PGD and DDN beside bare loops of torch: `python benchmarks/attacks_speed.py [--rounds 7] [--json FILE]`.

A bare loop is what one writes in an afternoon: no records, no best iterate, no queries, no flags, only
the last x̃ and whether it fools the model. Both attack the same 64 images and the same network by turns,
so that whatever else the machine does falls on both; the median of the rounds counts. DDN keeps its best,
as its paper says, and is compared with adversarial-library's as well where that is installed.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from advmi_core import data, models
from advmi_core.attacks import DDN, PGD
from advmi_core.device import tune_cpu
from advmi_core.objectives import Classification

BATCH = 64
EPS, PGD_STEPS = 0.3, 40
DDN_STEPS, UNBOUNDED = 50, 28.0
ROW = "{:<34} {:>9} {:>9} {:>9}"


def bare_pgd(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """PGD on the cross entropy: x̃ and whether it fools the model."""
    low, high = (x - EPS).clamp(0, 1), (x + EPS).clamp(0, 1)
    x_adv = (x + EPS * (2 * torch.rand_like(x) - 1)).clamp(0, 1)
    for _ in range(PGD_STEPS):
        x_adv.requires_grad_()
        loss = F.cross_entropy(model(x_adv), y, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, x_adv)
        x_adv = torch.min(torch.max(x_adv.detach() + EPS / 4 * gradient.sign(), low), high)
    with torch.no_grad():
        return x_adv, model(x_adv).argmax(1) != y


def bare_ddn(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """DDN by its algorithm 1: the shortest adversarial iterate of each image, and which have one."""
    delta, norm = torch.zeros_like(x), torch.ones(len(x))
    best, shortest = x.clone(), torch.full((len(x),), torch.inf)
    for step in range(DDN_STEPS):
        x_adv = (x + delta).requires_grad_()
        logits = model(x_adv)
        (gradient,) = torch.autograd.grad(F.cross_entropy(logits, y, reduction="sum"), x_adv)
        fools, length = logits.argmax(1) != y, delta.flatten(1).norm(dim=1)
        better = fools & (length < shortest)
        best = torch.where(better.view(-1, 1, 1, 1), x_adv.detach(), best)
        shortest = torch.where(better, length, shortest)
        norm = torch.where(fools, norm * 0.95, norm * 1.05)
        alpha = 0.01 + 0.99 * (1 + math.cos(math.pi * step / (DDN_STEPS - 1))) / 2
        delta = delta + alpha * gradient / gradient.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
        delta = delta * (norm / delta.flatten(1).norm(dim=1)).view(-1, 1, 1, 1)
        delta = (x + delta).clamp(0, 1) - x
    return best, shortest < torch.inf


def peer_ddn() -> Callable[[nn.Module, Tensor, Tensor], tuple[Tensor, Tensor]] | None:
    """adversarial-library's DDN, None where it is not installed."""
    try:
        sys.modules.setdefault(
            "visdom", types.ModuleType("visdom")
        )  # plots, imported but not used by attacks
        from adv_lib.attacks import ddn
    except ImportError:
        return None

    def run(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        x_adv = ddn(model, x, y, steps=DDN_STEPS)
        with torch.no_grad():
            return x_adv, model(x_adv).argmax(1) != y

    return run


def ours(attack: PGD | DDN) -> Callable[[nn.Module, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """One of our attacks as a function."""

    def run(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        result = attack(Classification(model, y), x)
        return result.x_adv, result.success

    return run


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Seconds of each, the success rate and the median L2 of the successes."""
    images, model = data.load("fashion-mnist", split="test"), models.load("cnn")
    right = (model(images.x[:200]).argmax(1) == images.y[:200]).nonzero().flatten()[:BATCH]
    x, y = images.x[right], images.y[right]
    contestants = {
        "pgd, ours": ours(PGD(eps=EPS, steps=PGD_STEPS, loss="ce", mi_steps=0)),
        "pgd, bare loop": bare_pgd,
        "ddn, ours": ours(DDN(eps=UNBOUNDED, steps=DDN_STEPS, mi_steps=0)),
        "ddn, bare loop": bare_ddn,
    }
    if (peer := peer_ddn()) is not None:
        contestants["ddn, adversarial-library"] = peer
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    found = {name: run(model, x, y) for name, run in contestants.items()}  # also warms up
    for _ in range(rounds):
        for name, run in contestants.items():
            began = time.perf_counter()
            run(model, x, y)
            taken[name].append(time.perf_counter() - began)
    return {
        name: {
            "seconds": statistics.median(taken[name]),
            "success": float(fools.float().mean()),
            "l2": float((x_adv - x)[fools].flatten(1).norm(dim=1).median()),
        }
        for name, (x_adv, fools) in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    chosen = parser.parse_args()
    tune_cpu()
    figures = measure(chosen.rounds)
    print(ROW.format(f"{BATCH} images, {torch.get_num_threads()} threads", "seconds", "success", "L2"))
    for name, values in figures.items():
        print(ROW.format(name, *(f"{values[key]:.3f}" for key in ("seconds", "success", "l2"))))
    for name in ("pgd", "ddn"):
        rest = [
            values["seconds"] for key, values in figures.items() if key.startswith(name) and "ours" not in key
        ]
        ratio = figures[f"{name}, ours"]["seconds"] / min(rest)
        print(f"{name}: ours takes {ratio:.2f} of the fastest other's time")
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
