"""What measuring and attacking photographs costs: `python benchmarks/photographs.py [--json FILE]`.

64 crops of five photographs at 224×224, perturbed by PGD, noise and MinMax, a third each; EfficientNet-Lite0.
Two seeds of ``estimate_mi`` must rank them alike. Seconds are those of one core, at batch 16.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor

from advmi_core import models, paths
from advmi_core.attacks import PGD, Attack, MinMax
from advmi_core.files import write_atomically
from advmi_core.mi import estimate_mi
from advmi_core.mi.per_image.information import Information
from advmi_core.models import Network
from advmi_core.objectives import Classification
from advmi_core.studies.sampling.agreement import rank_correlation

SIDE, BATCH = 224, 16
MIXED, ONE = (1, 2, 4, 8, 16, 32, 64), (2, 8, 32)
SHORT, LONG = 5, 15  # steps between which an iteration's cost is the slope


def crops(count: int) -> Tensor:
    """(N,3,224,224) squares of the photographs of AdvMI and scikit-learn, at random scales."""
    folder = paths.assets() / "data" / "photographs"
    pictures = [
        Image.open(path).convert("RGB") for path in sorted((*folder.glob("*.png"), *folder.glob("*.jpg")))
    ]
    pictures += [Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
    random = np.random.default_rng(0)
    found = np.empty((count, SIDE, SIDE, 3), np.float32)
    for row in range(count):
        picture = pictures[row % len(pictures)]
        side = int(random.integers(SIDE, min(picture.size) + 1))
        left, top = (int(random.integers(0, length - side + 1)) for length in picture.size)
        square = picture.crop((left, top, left + side, top + side))
        found[row] = np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float32) / 255
    return torch.from_numpy(found).permute(0, 3, 1, 2).contiguous()


def perturbed(network: Network, x: Tensor, y: Tensor, eps: float) -> Tensor:
    """A third each by PGD, by noise and by MinMax."""
    first, second = len(x) // 3, 2 * len(x) // 3

    def attacked(attack: Attack, rows: slice) -> Tensor:
        return attack(Classification(network, y[rows]), x[rows]).x_adv

    noise = torch.randn(x[first:second].shape, generator=torch.Generator().manual_seed(7))
    return torch.cat(
        [
            attacked(PGD(eps=eps, steps=5, mi_steps=0), slice(0, first)),
            (x[first:second] + eps * noise).clamp(0, 1),
            attacked(MinMax(eps=eps, steps=8, mi_steps=0), slice(second, len(x))),
        ]
    )


def twins(network: Network, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Perturbations of mixed strength, and of one strength each, in 255ths."""
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    sets = {"mixed": torch.empty_like(x), **{f"{eps}/255": torch.empty_like(x) for eps in ONE}}
    for eps, rows in zip(MIXED, order.tensor_split(len(MIXED)), strict=True):
        sets["mixed"][rows] = perturbed(network, x[rows], y[rows], eps / 255)
    for eps in ONE:
        sets[f"{eps}/255"][order] = perturbed(network, x[order], y[order], eps / 255)
    return sets


def reliability(objective: Classification, x: Tensor, x_adv: Tensor) -> dict[str, float]:
    """Rank correlation of two seeds, mean in nats, and CPU seconds an image."""
    values, began = np.empty((2, len(x))), time.process_time()
    for seed in (0, 1):
        for start in range(0, len(x), BATCH):
            rows = range(start, min(start + BATCH, len(x)))
            part = slice(rows.start, rows.stop)
            values[seed, part] = estimate_mi(objective, x[part], x_adv[part], seed=seed, rows=rows)
    return {
        "rank correlation": round(rank_correlation(values), 3),
        "mean, nats": round(float(values.mean()), 3),
        "seconds": round((time.process_time() - began) / values.size, 4),
    }


def iteration(attack: type[Attack], network: Network, x: Tensor, y: Tensor) -> float:
    """CPU seconds of one iteration an image: the slope between a short and a longer attack."""
    seconds = []
    for steps in (SHORT, LONG):
        began = time.process_time()
        attack(eps=2 / 255, steps=steps, mi_steps=0)(Classification(network, y), x)
        seconds.append(time.process_time() - began)
    return (seconds[1] - seconds[0]) / (LONG - SHORT) / len(x)


def costs(network: Network, x: Tensor, y: Tensor) -> dict[str, float]:
    """CPU seconds an image of the measure with its gradient, and of one iteration of two attacks."""
    began = time.process_time()
    Information(x).with_gradient(x.roll(1, 3))
    measure = (time.process_time() - began) / len(x)
    pgd, minmax = (iteration(attack, network, x, y) for attack in (PGD, MinMax))
    found = {"Information": measure, "PGD": pgd, "MinMax": minmax, "MinMax / PGD": minmax / pgd}
    return {name: round(value, 4) for name, value in found.items()}


def main() -> None:
    """Print what is found as soon as it is; write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=64, help="crops")
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network, x = models.load("efficientnet-lite0"), crops(arguments.n)
    with torch.no_grad():
        y = torch.cat([network(part).argmax(1) for part in x.split(BATCH)])
    objective, found = Classification(network, y), {}
    found["costs"] = costs(network, x[:BATCH], y[:BATCH])
    print(json.dumps(found["costs"]), flush=True)
    rows: dict[str, Any] = {}
    sets = {"itself": x, "another picture": x.roll(1, 0), **twins(network, x, y)}
    for name, x_adv in sets.items():
        rows[name] = reliability(objective, x, x_adv)
        print(f"{name:16} {json.dumps(rows[name])}", flush=True)
    if arguments.json:
        report = {
            "command": "python benchmarks/photographs.py",
            "images": len(x),
            **found,
            "estimate_mi": rows,
        }
        text = json.dumps(report, indent=1) + "\n"
        write_atomically(arguments.json, lambda temporary: temporary.write_text(text, encoding="utf-8"))


if __name__ == "__main__":
    main()
