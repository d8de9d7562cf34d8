"""Does the per-image MI mean anything? `python benchmarks/reliability.py [--data mnist] [--json FILE]`.

Two seeds measure the same perturbed images; if they do not rank the images alike, the number is noise. One
factor at a time is varied around the default of ``estimate_mi``; the published settings are among the rows.
Perturbations: PGD, MinMax and noise, a third of the images each; "mixed" has ε from 0.02 to 1 within each.
Milliseconds are the fastest of the parts of 64 images, since other programs share the machine.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from advmi_core import data, models
from advmi_core.attacks import PGD, MinMax
from advmi_core.device import tune_cpu
from advmi_core.files import write_atomically
from advmi_core.mi import estimate_mi
from advmi_core.objectives import Classification
from advmi_core.studies.sampling.agreement import intraclass, rank_correlation

IMAGES, PART, SEEDS = 256, 64, (0, 1)
MIXED = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
ONE = (0.1, 0.3)
STRENGTHS = (0.02, 0.05, 0.1, 0.2, 0.4)


@dataclass(frozen=True)
class Setting:
    """One row: what differs from the default, and on how many images it is affordable."""

    name: str
    changed: str
    arguments: dict[str, Any] = field(default_factory=dict)
    images: int = IMAGES


CONV: dict[str, Any] = {"sampling": "conv"}
PUBLISHED = CONV | {"critic": "paper", "pairs": "permutation"}
SETTINGS = (
    Setting("patches, InfoNCE, held out", "the default"),
    Setting("… in-sample", "scored on what it was trained on", {"held_out": False}),
    Setting("… block folds", "folds share no pixel", {"folds": "blocks"}),
    *(
        Setting(f"… {name}", "bound", {"estimator": key})
        for key, name in (("dv", "DV"), ("nwj", "NWJ"), ("smile", "SMILE"), ("mine", "MINE"))
    ),
    *(Setting(f"… {steps} steps", "steps", {"steps": steps}) for steps in (50, 200, 400)),
    *(Setting(f"… {members} critics", "ensemble", {"members": members}) for members in (2, 4)),
    Setting("… of feature maps", "samples", {"sampling": "map-patches"}),
    Setting("patches, closed form", "Gaussian, no critic", {"estimator": "gaussian"}),
    Setting("conv, DV, in-sample", "samples: K maps, all pairs", CONV),
    Setting("… one shuffle", "pairs: one permutation", CONV | {"pairs": "permutation"}),
    Setting("… held out", "scored on maps it has not seen", CONV | {"held_out": True}),
    Setting("random, DV, in-sample", "samples: 500 projections", {"sampling": "random"}, 64),
    Setting("published: conv, DV, paper critic", "all of it, 200 steps", PUBLISHED | {"steps": 200}, 32),
    Setting("conv, DV, in-sample, 8 critics", "ensemble", CONV | {"members": 8}, 64),
    Setting("conv, InfoNCE, in-sample", "bound", CONV | {"estimator": "infonce"}),
    Setting(
        "conv, InfoNCE, held out, 8 critics",
        "bound, scoring, ensemble",
        CONV | {"estimator": "infonce", "held_out": True, "members": 8},
        64,
    ),
)


def victim(name: str) -> tuple[nn.Module, Tensor, Tensor]:
    """A classifier of this data set and 256 test images with its answers on them.

    Where no weights are shipped, a network is trained for two epochs on the other test images: it only has to
    give the attacks something to fool.
    """
    images = data.load(name, split="test")
    x = images.x[:IMAGES]
    if "cnn" in models.available().get(name, ()):
        network: nn.Module = models.load("cnn", dataset=name)
    else:
        torch.manual_seed(0)
        network = models.build("cnn", seed=0)
        optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True)
        for _ in range(2):
            for chosen in torch.randperm(len(images) - IMAGES).add(IMAGES).split(64):
                optimiser.zero_grad()
                F.cross_entropy(network(images.x[chosen]), images.y[chosen]).backward()
                optimiser.step()
        network.eval()
    with torch.no_grad():
        return network, x, network(x).argmax(1)


def noise(x: Tensor, eps: float) -> Tensor:
    """Gaussian noise of standard deviation ε."""
    return (x + eps * torch.randn(x.shape, generator=torch.Generator().manual_seed(7))).clamp(0, 1)


def attacked(model: nn.Module, x: Tensor, y: Tensor, eps: float) -> Tensor:
    """A third each by PGD, by noise and by MinMax with a start as large as ε."""
    third = len(x) // 3
    parts = (slice(0, third), slice(third, 2 * third), slice(2 * third, len(x)))
    pgd = PGD(eps=eps, steps=20, mi_steps=0)(Classification(model, y[parts[0]]), x[parts[0]]).x_adv
    minmax = MinMax.published(eps=eps, start=eps, steps=40, mi_steps=0)(
        Classification(model, y[parts[2]]), x[parts[2]]
    )
    return torch.cat([pgd, noise(x[parts[1]], eps), minmax.x_adv])


def image_sets(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """The perturbed twins: strengths mixed, and one strength each; rows in a random order."""
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    mixed = torch.empty_like(x)
    for eps, rows in zip(MIXED, order.tensor_split(len(MIXED)), strict=True):
        mixed[rows] = attacked(model, x[rows], y[rows], eps)
    sets = {"mixed": mixed}
    for eps in ONE:
        sets[f"eps_{eps:g}"] = torch.empty_like(x)
        sets[f"eps_{eps:g}"][order] = attacked(model, x[order], y[order], eps)
    return sets


def measure(
    setting: Setting, objective: Classification, x: Tensor, sets: dict[str, Tensor]
) -> dict[str, Any]:
    """One row of the table."""
    fastest, row = (
        float("inf"),
        {"setting": setting.name, "changed": setting.changed, "images": setting.images},
    )
    for name, twins in sets.items():
        values = np.empty((len(SEEDS), setting.images))
        for index, seed in enumerate(SEEDS):
            for start in range(0, setting.images, PART):
                part = slice(start, min(start + PART, setting.images))
                began = time.perf_counter()
                found = estimate_mi(
                    objective, x[part], twins[part], seed=seed, rows=range(part.start, part.stop),
                    **setting.arguments,
                )  # fmt: skip
                fastest = min(fastest, (time.perf_counter() - began) / len(found))
                values[index, part] = found.numpy()
        row[name] = round(rank_correlation(values), 3)
        row[f"mean_{name}"] = round(float(values.mean()), 3)
        if name == "mixed":
            row["icc_mixed"] = round(intraclass(values), 3)
    return row | {"ms": round(1e3 * fastest, 2)}


def strengths(objective: Classification, model: nn.Module, x: Tensor, y: Tensor) -> dict[str, Any]:
    """Mean MI by the default of the image itself, of perturbations of growing strength, and of a stranger."""

    def mean(twins: Tensor) -> float:
        return round(float(estimate_mi(objective, x, twins).mean()), 3)

    def pgd(eps: float) -> Tensor:
        return PGD(eps=eps, steps=20, mi_steps=0)(Classification(model, y), x).x_adv

    return {
        "itself": mean(x),
        "noise": {str(eps): mean(noise(x, eps)) for eps in STRENGTHS},
        "pgd": {str(eps): mean(pgd(eps)) for eps in STRENGTHS},
        "unrelated image": mean(x.roll(1, 0)),
    }


def main() -> None:
    """Print the table row by row; write JSON if asked, after every row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="fashion-mnist", choices=("fashion-mnist", "mnist"))
    parser.add_argument("--json", type=Path, help="also write the numbers here; rows already there are kept")
    parser.add_argument("--only", type=int, default=len(SETTINGS), help="the first so many settings")
    arguments = parser.parse_args()
    tune_cpu()
    model, x, y = victim(arguments.data)
    objective, sets = Classification(model, y), image_sets(model, x, y)
    found = strengths(objective, model, x, y)
    print(json.dumps(found, indent=1), flush=True)
    print(f"\n{'two seeds, rank correlation':36} {'mixed':>6} {'ε=0.1':>6} {'ε=0.3':>6} {'ICC':>6} {'ms':>7}")
    known = read(arguments.json) if arguments.json else {}
    rows: list[dict[str, Any]] = []
    for setting in SETTINGS[: arguments.only]:
        row = known.get(setting.name) or measure(setting, objective, x, sets)
        rows.append(row)
        cells = " ".join(f"{row[key]:6.3f}" for key in ("mixed", "eps_0.1", "eps_0.3", "icc_mixed"))
        print(f"{setting.name:36} {cells} {row['ms']:7.1f}  {setting.changed}", flush=True)
        if arguments.json:
            store(arguments.json, arguments.data, found, rows)


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Rows of an earlier run that was cut short, by setting."""
    if not path.is_file():
        return {}
    return {row["setting"]: row for row in json.loads(path.read_text(encoding="utf-8"))["rows"]}


def store(path: Path, name: str, found: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """The table as the app reads it."""
    report = {
        "command": f"python benchmarks/reliability.py --data {name}",
        "data": name,
        "images": IMAGES,
        "default": SETTINGS[0].name,
        "strengths": found,
        "rows": rows,
    }
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


if __name__ == "__main__":
    main()
