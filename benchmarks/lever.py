"""What the weight of MinMax moves, against attacks that know no information, and what it costs.

`ADVMI_DATA=<data folder> python benchmarks/lever.py [TABLE …] [--n 256] [--data mnist] [--json FILE]` prints
tables on test images, with success from a fresh pass of the model; FILE keeps those not computed anew:

- uaes: the share of information that unsupervised examples of four autoencoders keep, and CPU-seconds a UAE;
- supervised: what examples at ε = 0.3 lose of three measures, of which the attacks have optimised the first
  only, by attack and by weight, with paired 95 % intervals of the difference to CW and to DDN;
- ends: five positions of the weight, supervised and unsupervised;
- identity: every MI term for 300 steps at the largest weight, and what is measured beyond x itself;
- cost: one iteration in PGD iterations, and UAEs a second on all cores (run it alone).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from advmi_core import data, models
from advmi_core.attacks import CW, DDN, PGD, Attack, AttackResult, MinMax, Penalty
from advmi_core.attacks.core.mi_term import DISTANCE, MEASURE, MI_TERMS
from advmi_core.device import tune_cpu
from advmi_core.evaluation.distances import distances
from advmi_core.evaluation.intervals import paired
from advmi_core.files import parse_json, write_text
from advmi_core.mi import estimate_mi
from advmi_core.mi.per_image.information import Information
from advmi_core.mi.per_image.patches import cross_fitted
from advmi_core.objectives import Classification, Objective, Reconstruction

Values = NDArray[np.float64]
Row = dict[str, Any]
AUTOENCODERS = ("ae-conv", "ae-dense", "ae-sparse", "ae-adversarial")
POSITIONS = (-10.0, -1.0, 0.0, 1.0, 10.0)
LARGEST, KEEPING, SEEDS = 10.0, 300, range(4)
OTHER_PATCH = 5
COMMAND = "python benchmarks/lever.py --json assets/studies/lever.json"
UNBOUNDED = 28.0  # L2 radius that no image of 28×28 pixels leaves
WEIGHTS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
ATTACKS: dict[str, Attack] = {
    "CW, 5 × 50": CW(eps=UNBOUNDED, searches=5, steps=50, first_c=1.0, mi_steps=0),
    "DDN, 50": DDN(eps=UNBOUNDED, steps=50, mi_steps=0),
    "PGD": PGD(eps=0.3, mi_steps=0),
    "Penalty, published": Penalty(eps=0.3, searches=3, mi_steps=0),
    "Penalty": Penalty(eps=0.3, searches=3, mi=MEASURE, mi_steps=0),
    "MinMax, published": MinMax.published(eps=0.3, mi_steps=0),
    **{f"MinMax, w = {w:g}": MinMax(eps=0.3, mi_weight=w, mi_steps=0) for w in WEIGHTS},
}


def of_other_patches(x: Tensor, x_adv: Tensor) -> Tensor:
    """(B,) nats by InfoNCE on 5×5 patches: what no attack has optimised."""
    a, b = (F.unfold(images, OTHER_PATCH).transpose(1, 2) for images in (x, x_adv))
    return cross_fitted(a, b, x.shape[-1] - OTHER_PATCH + 1, seed=0, rows=range(len(x)))


def lost(x: Tensor, x_adv: Tensor) -> dict[str, Values]:
    """(B,) percent lost of three measures, each 0 for x itself."""
    nats = of_other_patches(x, x_adv) / of_other_patches(x, x)
    return {
        "information": 100 * (1 - Information(x).kept(x_adv).double().numpy()),
        "SSIM": 100 * (1 - distances(x, x_adv).ssim),
        "InfoNCE 5×5": 100 * (1 - nats.double().numpy()),
    }


def objective(name: str, dataset: str, y: Tensor) -> Objective:
    """The shipped network with what an attack on it is after."""
    network = models.load(name, dataset=dataset)
    return Classification(network, y) if name == "cnn" else Reconstruction(network)


def attacked(attack: Attack, name: str, dataset: str, count: int) -> tuple[AttackResult, float]:
    """The result on the first test images, and CPU-seconds an image."""
    images = data.load(dataset, split="test").take(range(count))
    victim = objective(name, dataset, images.y)
    began = time.process_time()
    result = attack(victim, images.x)
    return result, (time.process_time() - began) / count


def uaes(count: int) -> list[Row]:
    """Default settings on four autoencoders."""
    print(f"\nUAEs, {count} Fashion-MNIST test images, defaults")
    print(f"{'':16} {'success':>7} {'kept, median':>13} {'largest':>8} {'L2':>6} {'CPU-s':>6}")
    rows: list[Row] = []
    for name in AUTOENCODERS:
        result, seconds = attacked(MinMax(eps=1.0, mi_steps=0), name, "fashion-mnist", count)
        kept = 100 * result.kept
        row = {
            "model": name, "n": count, "success": success(result), "median": float(kept.median()),
            "largest": float(kept.max()), "l2": float(result.l2.mean()), "seconds": seconds,
        }  # fmt: skip
        rows.append(row)
        print(
            f"{name:16} {row['success']:6.1f}% {row['median']:12.1f}% {row['largest']:7.1f}% "
            f"{row['l2']:6.2f} {seconds:6.3f}",
            flush=True,
        )
    return rows


def supervised(count: int, dataset: str) -> list[Row]:
    """All attacks; the differences are a − CW and a − DDN, below 0 where less is lost."""
    print(f"\ncnn, {dataset}, {count} test images, ε = 0.3: percent lost, and difference to CW | to DDN")
    reference: dict[str, dict[str, Values]] = {}
    rows: list[Row] = []
    for name, attack in ATTACKS.items():
        result, seconds = attacked(attack, "cnn", dataset, count)
        found = lost(result.x, result.x_adv)
        row = {"attack": name, "n": count, "success": success(result), "l2": float(result.l2.mean())}
        print(
            f"{name:20} success {row['success']:5.1f}%, L2 {row['l2']:.3f}, {seconds:.3f} CPU-s", flush=True
        )
        row["lost"] = {measure: float(np.nanmean(values)) for measure, values in found.items()}
        row["against"] = {
            other: {measure: difference(values, theirs[measure]) for measure, values in found.items()}
            for other, theirs in reference.items()
        }
        for measure, mean in row["lost"].items():
            against = " | ".join(shown(each[measure]) for each in row["against"].values())
            print(f"    {measure:12} {mean:6.2f}   {against}", flush=True)
        rows.append(row)
        if name.startswith(("CW", "DDN")):
            reference[name] = found
    return rows


def difference(values: Values, other: Values) -> list[float]:
    """The mean difference, its paired 95 % interval, and the ratio of the means."""
    found = paired(values, other)
    return [found.mean, found.low, found.high, float(np.nanmean(values) / np.nanmean(other))]


def shown(difference: list[float]) -> str:
    """A difference in print."""
    mean, low, high, ratio = difference
    return f"{mean:+6.2f} [{low:+.2f}, {high:+.2f}] ×{ratio:.2f}"


def ends(count: int) -> list[Row]:
    """The positions of the weight; unsupervised only those that destroy."""
    rows: list[Row] = []
    for name, eps, weights in (
        ("cnn", 0.3, POSITIONS),
        ("ae-conv", 1.0, (0.0, 0.1, 0.3, 1.0, 10.0)),
        ("ae-dense", 1.0, (0.0, 0.1, 0.3, 1.0, 10.0)),
    ):
        print(f"\nThe weight's positions, {name}, ε = {eps:g}, {count} Fashion-MNIST test images")
        for w in weights:
            result, _ = attacked(MinMax(eps=eps, mi_weight=w, mi_steps=0), name, "fashion-mnist", count)
            kept = 100 * float(result.kept.mean())
            rows.append(
                {"model": name, "eps": eps, "n": count, "w": w, "success": success(result), "kept": kept}
            )
            print(f"w = {w:5g}  success {success(result):5.1f}%  kept {kept:5.1f}%", flush=True)
    return rows


def identity(count: int) -> list[Row]:
    """How many images are above x itself: by the closed form, and by InfoNCE by more than seeds differ."""
    images = data.load("fashion-mnist", split="test").take(range(count))
    victims = {"cnn": (0.3, LARGEST), "ae-dense": (1.0, -LARGEST)}
    print(f"\nThe largest weight that keeps, {count} Fashion-MNIST test images, {KEEPING} steps")
    print(f"{'':34} closed form     InfoNCE − that of x")
    print(f"{'':26} success    kept above    mean  spread above")
    rows: list[Row] = []
    for name, (eps, w) in victims.items():
        victim = objective(name, "fashion-mnist", images.y)
        itself, top = by_seeds(victim, images.x, images.x), Information(images.x).of_itself
        spread = itself.std(0)
        for term in (term for term in MI_TERMS if term != DISTANCE):
            result = MinMax(eps=eps, steps=KEEPING, mi=term, mi_weight=w, mi_steps=0)(victim, images.x)
            more = by_seeds(victim, images.x, result.x_adv).mean(0) - itself.mean(0)
            above = int((result.information > top + 1e-3).sum()), int((more > 2 * spread).sum())
            kept, spreads = 100 * float(result.kept.mean()), float(spread.mean())
            print(f"{name:9}{term:17} {success(result):6.1f}% {kept:6.2f}% {above[0]:5}", end=" ")
            print(f"{float(more.mean()):+7.3f} {spreads:7.3f} {above[1]:5}", flush=True)
            rows.append(
                {
                    "model": name,
                    "term": term,
                    "n": count,
                    "success": success(result),
                    "kept": kept,
                    "above": above[0],
                    "infonce": float(more.mean()),
                    "spread": spreads,
                    "infonce_above": above[1],
                }
            )
    return rows


def by_seeds(victim: Objective, x: Tensor, x_adv: Tensor) -> Tensor:
    """(seeds,B) nats by InfoNCE."""
    return torch.stack([estimate_mi(victim, x, x_adv, seed=seed) for seed in SEEDS])


def success(result: AttackResult) -> float:
    """Percent."""
    return 100 * float(result.success.float().mean())


def cost() -> list[Row]:
    """Milliseconds of one iteration at batch 64 beside PGD's, and UAEs a second."""
    print(f"\nCost at batch 64, {torch.get_num_threads()} threads")
    rows: list[Row] = []
    for name in ("cnn", *AUTOENCODERS):
        images = data.load("fashion-mnist", split="test").take(range(64))
        victim, eps = objective(name, "fashion-mnist", images.y), 0.3 if name == "cnn" else 1.0
        run = one_iteration(PGD(eps=eps, mi_steps=0), victim, images.x)
        own = one_iteration(MinMax(eps=eps, mi_steps=0), victim, images.x)
        row: Row = {
            "model": name,
            "pgd_ms": 1e3 * run,
            "minmax_ms": 1e3 * own,
            "threads": torch.get_num_threads(),
        }
        print(f"{name:16} PGD {1e3 * run:6.1f} ms, MinMax {1e3 * own:6.1f} ms: {own / run:.2f} iterations")
        if name != "cnn":
            began = time.perf_counter()
            MinMax(eps=eps, mi_steps=0)(victim, images.x)
            row["uaes_per_second"] = 64 / (time.perf_counter() - began)
            print(f"{'':16} {row['uaes_per_second']:.1f} UAEs a second")
        rows.append(row)
    return rows


def one_iteration(attack: Attack, victim: Objective, x: Tensor) -> float:
    """Seconds, the difference of a long and a short run, so that start and end do not count."""
    short, long = (
        min(timed(replace(attack, steps=steps), victim, x) for _ in range(3)) for steps in (10, 60)
    )
    return (long - short) / 50


def timed(attack: Attack, victim: Objective, x: Tensor) -> float:
    """Seconds of one run."""
    began = time.perf_counter()
    attack(victim, x)
    return time.perf_counter() - began


def main() -> None:
    """Print the tables that were asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("tables", nargs="*", help="all if none is named")
    parser.add_argument("--n", type=int, default=256, help="images of the supervised table, 64 elsewhere")
    parser.add_argument(
        "--data", nargs="+", default=["fashion-mnist", "mnist"], help="of the supervised table"
    )
    parser.add_argument("--json", type=Path, help="keep the tables there, beside those it has")
    arguments = parser.parse_args()
    few = min(64, arguments.n)
    tables: dict[str, Callable[[], Any]] = {
        "uaes": lambda: uaes(few),
        "ends": lambda: ends(few),
        "identity": lambda: identity(few),
        "supervised": lambda: {name: supervised(arguments.n, name) for name in arguments.data},
        "cost": cost,
    }
    wanted = arguments.tables or list(tables)
    if unknown := set(wanted) - set(tables):
        parser.error(f"no table {', '.join(sorted(unknown))}; there are {', '.join(tables)}")
    tune_cpu()
    for name in wanted:
        found = tables[name]()
        if arguments.json:
            keep(arguments.json, name, found)


def keep(path: Path, name: str, found: Any) -> None:
    """Write one table beside those that the file has."""
    kept = parse_json(path.read_text(encoding="utf-8")) if path.exists() else {}
    if isinstance(found, dict):  # by data set
        found = kept.get(name, {}) | found
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    facts = kept | {"command": COMMAND, "machine": machine, name: found}
    write_text(path, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
