"""Speed and memory of attacks and estimates, measured: `python benchmarks/speed.py [--json FILE]`.

Ratios compare runs inside one process, slopes are taken between 40 and 80 steps, every figure is the median
of several repetitions, because other programs share the machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from advmi_core import data, models
from advmi_core.attacks import PGD, Attack, MinMax
from advmi_core.device import tune_cpu
from advmi_core.mi import estimate_mi
from advmi_core.objectives import Classification, Reconstruction

BATCH = 64
REPEATS = 3


def seconds(work: Callable[[], Any]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def correct_images() -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    """The classifier and the first 64 test images that it gets right."""
    images, model = data.load("fashion-mnist", split="test"), models.load("cnn")
    right = (model(images.x[:200]).argmax(1) == images.y[:200]).nonzero().flatten()[:BATCH]
    return model, images.x[right], images.y[right]


def iteration_ratio() -> dict[str, float]:
    """One MinMax iteration (compact) against one PGD iteration, batch 64, pair by pair."""
    model, x, y = correct_images()
    objective = Classification(model, y)

    def slope(make: Callable[[int], Attack]) -> float:
        short, long = (seconds(lambda n=steps: make(n)(objective, x)) for steps in (40, 80))
        return (long - short) / 40

    pairs = []
    for _ in range(REPEATS):
        minmax = slope(lambda n: MinMax.published(steps=n, mi_steps=0))
        pgd = slope(lambda n: PGD(steps=n, mi_steps=0))
        pairs.append((minmax, pgd))
    return {
        "minmax_ms": 1e3 * statistics.median(a for a, _ in pairs),
        "pgd_ms": 1e3 * statistics.median(b for _, b in pairs),
        "ratio": statistics.median(a / b for a, b in pairs),
    }


def batch_gain() -> dict[str, float]:
    """Images per second of one run on 64 images against 64 runs on one, and how far the images differ."""
    model, x, y = correct_images()
    attack = MinMax.published(steps=40, mi_steps=0)
    alone: list[torch.Tensor] = []

    def one_by_one() -> None:
        alone.clear()
        for row in range(BATCH):
            part = slice(row, row + 1)
            alone.append(attack(Classification(model, y[part]), x[part], rows=[row]).x_adv)

    together = attack(Classification(model, y), x)  # also warms up
    ratios = []
    for _ in range(REPEATS):
        batch = seconds(lambda: attack(Classification(model, y), x))
        ratios.append(seconds(one_by_one) / batch)
    difference = (torch.cat(alone) - together.x_adv).abs().max()
    return {"ratio": statistics.median(ratios), "largest_difference": float(difference)}


def uae_rows() -> dict[str, float]:
    """How far UAEs (40 steps of 20 critic steps) differ between one run on 16 images and 16 runs on one."""
    attack = MinMax.published(eps=1.0, steps=40, inner=20, mi_steps=0)
    objective = Reconstruction(models.load("ae-conv"))
    x = data.load("fashion-mnist", split="test").x[:16]
    together = attack(objective, x).x_adv
    alone = [attack(objective, x[row : row + 1], rows=[row]).x_adv for row in range(len(x))]
    return {"largest_difference": float((torch.cat(alone) - together).abs().max())}


def uaes_per_second() -> dict[str, float]:
    """UAEs (ae-conv, 40 steps of 20 critic steps) a second at batch 64, the final measurement included."""
    objective = Reconstruction(models.load("ae-conv"))
    x = data.load("fashion-mnist", split="test").x[:BATCH]
    attack = MinMax.published(eps=1.0, steps=40, inner=20)
    return {
        "per_second": BATCH / statistics.median(seconds(lambda: attack(objective, x)) for _ in range(REPEATS))
    }


def milliseconds_per_estimate() -> dict[str, float]:
    """One image's MI by the default of ``estimate_mi`` at batch 64."""
    model, x, y = correct_images()
    objective, twins = Classification(model, y), (x + 0.1 * torch.rand_like(x)).clamp(0, 1)
    estimate_mi(objective, x[:8], twins[:8])  # warms up
    taken = statistics.median(seconds(lambda: estimate_mi(objective, x, twins)) for _ in range(REPEATS))
    return {"ms": 1e3 * taken / BATCH}


def memory_per_image(critic: str) -> dict[str, float]:
    """Peak memory of a MinMax run per image beyond that of one image, in MB, in a process of its own."""
    rows = {"compact": 64, "paper": 16}[critic]
    code = f"import benchmarks.speed as s; print(s.peak_bytes({critic!r}, {rows}) / {rows} / 1e6)"
    root = Path(__file__).resolve().parent.parent
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True
    )
    return {"mb": float(output.stdout)}


def peak_bytes(critic: str, rows: int) -> int:
    """Bytes by which a short run on ``rows`` images raises the process's peak memory above its present use.

    Linux only: the kernel's peak is reset first, so that what start-up took does not hide the run.
    """
    model, x, y = correct_images()

    def run(count: int) -> None:
        MinMax.published(steps=3, critic=critic, mi_steps=3)(Classification(model, y[:count]), x[:count])

    run(1)  # start-up: libraries, kernels
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    run(rows)
    return _status("VmHWM") - before


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) * 1024


MEASUREMENTS: dict[str, Callable[[], dict[str, float]]] = {
    "one MinMax iteration / one PGD iteration (at most 3)": iteration_ratio,
    "batch of 64 / one by one, images per second (at least 2.5)": batch_gain,
    "UAEs, 16 together / one by one (at most 1e-4)": uae_rows,
    "UAEs per second, ae-conv, 40×20 (at least 4)": uaes_per_second,
    "one MI estimate, ms an image (at most 20)": milliseconds_per_estimate,
    "memory per image, compact (below 40 MB)": lambda: memory_per_image("compact"),
    "memory per image, paper (below 260 MB)": lambda: memory_per_image("paper"),
}


def main() -> None:
    """Measure everything, print one table, write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    tune_cpu()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.machine()}")
    results = {}
    for label, measure in MEASUREMENTS.items():
        results[label] = measure()
        print(
            f"{label}: " + ", ".join(f"{key} {value:.3g}" for key, value in results[label].items()),
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
