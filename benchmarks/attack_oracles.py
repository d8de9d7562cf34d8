"""Our evaluation attacks beside public implementations: `python benchmarks/attack_oracles.py [--n 64]`.

The same model, images, ε and iterations; success is judged afresh, by the model's verdict inside ball and
box. The libraries are no dependencies of AdvMI: `pip install --no-deps adv-lib pyautoattack` brings them,
and a row whose library is missing says so. They reseed torch's global generator, which stays in here.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from advmi_core import data, models
from advmi_core.attacks import CW, DDN, Attack, AutoAttack
from advmi_core.device import tune_cpu
from advmi_core.objectives import Classification

TOLERANCE = 2.0  # percentage points
Make = Callable[[torch.nn.Module, Tensor, Tensor], Tensor]


def library_ddn(attack: DDN) -> Make:
    """adv-lib's DDN without its rounding to 256 levels."""
    sys.modules.setdefault("visdom", types.ModuleType("visdom"))  # plots, imported but not used by attacks
    from adv_lib.attacks import ddn

    return lambda model, x, y: ddn(
        model, x, y, steps=attack.steps, γ=attack.gamma, init_norm=attack.first_norm, levels=None
    )


def library_cw(attack: CW) -> Make:
    """adv-lib's CW."""
    sys.modules.setdefault("visdom", types.ModuleType("visdom"))
    from adv_lib.attacks import carlini_wagner_l2

    return lambda model, x, y: carlini_wagner_l2(
        model, x, y, learning_rate=attack.step_size, initial_const=attack.first_c,
        binary_search_steps=attack.searches, max_iterations=attack.steps,
    )  # fmt: skip


def library_autoattack(attack: AutoAttack) -> Make:
    """pyautoattack's standard set with the same budget."""
    from pyautoattack import AutoAttack as Standard

    def make(model: torch.nn.Module, x: Tensor, y: Tensor) -> Tensor:
        norm = {"linf": "Linf", "l2": "L2"}[attack.norm]
        suite = Standard(model, norm=norm, eps=attack.eps, seed=attack.seed, device="cpu")
        for part in (suite.apgd, suite.apgd_targeted, suite.fab):
            part.n_iter = attack.steps
        for part in (suite.apgd_targeted, suite.fab):
            part.n_target_classes = attack.targets
        suite.square.n_queries = attack.queries
        found = suite.run_standard_evaluation(x, y)
        return found[0] if isinstance(found, tuple) else found

    return make


LIBRARIES: dict[type[Attack], Callable[[Any], Make]] = {
    DDN: library_ddn,
    CW: library_cw,
    AutoAttack: library_autoattack,
}


def success(model: torch.nn.Module, x: Tensor, y: Tensor, x_adv: Tensor, attack: Attack) -> float:
    """Percent of images with an adversarial example inside ball and box, up to float32 rounding."""
    delta = (x_adv - x).flatten(1)
    size = delta.abs().amax(1) if attack.norm == "linf" else delta.norm(dim=1)
    inside = (
        (size <= attack.eps * (1 + 1e-5)) & (x_adv.flatten(1).amin(1) >= 0) & (x_adv.flatten(1).amax(1) <= 1)
    )
    with torch.no_grad():
        fooled = model(x_adv).argmax(1) != y
    return 100 * float((fooled & inside).float().mean())


def compare(model: torch.nn.Module, x: Tensor, y: Tensor, attack: Attack) -> dict[str, Any]:
    """One row: both success rates and seconds; None where the library is not installed."""
    began = time.process_time()
    ours = success(model, x, y, attack(Classification(model, y), x).x_adv, attack)
    row: dict[str, Any] = {
        "attack": attack.name, "norm": attack.norm, "eps": attack.eps, "ours": ours,
        "seconds": time.process_time() - began, "library": None, "library_seconds": None,
    }  # fmt: skip
    try:
        make = LIBRARIES[type(attack)](attack)
    except ImportError as error:
        return row | {"missing": str(error)}
    with torch.random.fork_rng():
        began = time.process_time()
        found = make(model, x.clone(), y.clone()).detach()
    return row | {
        "library": success(model, x, y, found, attack), "library_seconds": time.process_time() - began,
    }  # fmt: skip


def tell(row: dict[str, Any]) -> str:
    """One line of the table."""
    head = f"{row['attack']:<11} {row['norm']:<5} {row['eps']:>6g} {row['ours']:>7.1f} {row['seconds']:>7.1f}"
    if row["library"] is None:
        return f"{head}  library: {row['missing']}"
    gap = row["ours"] - row["library"]
    verdict = "yes" if gap >= -TOLERANCE else "NO"
    return f"{head} {row['library']:>8.1f} {row['library_seconds']:>7.1f} {gap:>+7.1f}  {verdict}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=64, help="images that the classifier gets right")
    parser.add_argument("--steps", type=int, default=100, help="of CW, DDN and AutoAttack's parts")
    parser.add_argument("--queries", type=int, default=5000, help="of Square")
    parser.add_argument("--targets", type=int, default=9, help="of APGD-T and FAB-T")
    parser.add_argument("--out", type=Path, help="where to write the rows as JSON")
    given = parser.parse_args()
    tune_cpu()
    images, model = data.load("fashion-mnist", split="test"), models.load("cnn")
    right = (
        (model(images.x[: 2 * given.n]).argmax(1) == images.y[: 2 * given.n]).nonzero().flatten()[: given.n]
    )
    x, y = images.x[right], images.y[right]
    suite = {"steps": given.steps, "queries": given.queries, "targets": given.targets, "mi_steps": 0}
    attacks: list[Attack] = [
        *(DDN(eps=eps, steps=given.steps, mi_steps=0) for eps in (0.25, 0.5)),
        *(CW(eps=eps, steps=given.steps, mi_steps=0) for eps in (0.25, 0.5)),
        AutoAttack(eps=0.03, **suite),
        AutoAttack(eps=0.4, norm="l2", **suite),
    ]
    print(f"{'attack':<11} {'norm':<5} {'ε':>6} {'ASR, %':>7} {'CPU s':>7} {'library':>8} {'CPU s':>7}"
          f" {'points':>7}  at most {TOLERANCE:g} below")  # fmt: skip
    rows = []
    for attack in attacks:
        rows.append(compare(model, x, y, attack))
        print(tell(rows[-1]), flush=True)
    if given.out is not None:
        given.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
