"""How the attacks do on real images: `python benchmarks/attacks.py [--split train]`, a table to print.

Supervised MinMax on the first 64 images the classifier gets right; UAEs on the first 64 images. Every claim
is checked with a fresh forward pass.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch
from torch import Tensor

from advmi_core import data, models
from advmi_core.attacks import PGD, Attack, MinMax
from advmi_core.device import tune_cpu
from advmi_core.objectives import Classification, Reconstruction

IMAGES = 64
ROW = "{:<28} {:>8} {:>10} {:>10} {:>7} {:>7}  {}"


def supervised(split: str) -> Iterator[str]:
    """MinMax and PGD against the classifier."""
    images, model = data.load("fashion-mnist", split=split), models.load("cnn")
    right = (model(images.x[:200]).argmax(1) == images.y[:200]).nonzero().flatten()[:IMAGES]
    x, y = images.x[right], images.y[right]
    attacks: list[Attack] = [MinMax.published(eps=eps, steps=200) for eps in (1.0, 0.3)] + [
        PGD(eps=0.3, steps=40)
    ]
    for attack in attacks:
        result = attack(Classification(model, y), x)
        fresh = model(result.x_adv).argmax(1) != y
        inside = bool(((result.x_adv - x).abs() <= attack.eps).all() and result.x_adv.min() >= 0)
        inside = inside and bool(result.x_adv.max() <= 1)
        checked = f"flags agree: {torch.equal(fresh, result.success)}, inside box and ball: {inside}"
        label = f"cnn, {attack.name} ε={attack.eps:g}, {attack.steps}"
        yield row(label, result.success, result.mi, result.mi_loop, result.linf, result.l2, checked)


def unsupervised(split: str) -> Iterator[str]:
    """UAEs against every autoencoder."""
    x = data.load("fashion-mnist", split=split).x[:IMAGES]
    for name in ("ae-conv", "ae-dense", "ae-sparse", "ae-adversarial"):
        model = models.load(name)
        result = MinMax.published(eps=1.0, steps=40, inner=20)(Reconstruction(model), x)
        losses = [(x - model(z)).square().flatten(1).sum(1) for z in (x, result.x_adv)]
        confirmed = bool((losses[1] <= losses[0])[result.success].all())
        label = f"{name}, minmax ε=1, 40×20"
        yield row(
            label,
            result.success,
            result.mi,
            result.mi_loop,
            result.linf,
            result.l2,
            f"confirmed: {confirmed}",
        )


def row(label: str, success: Tensor, mi: Tensor, loop: Tensor, linf: Tensor, l2: Tensor, checked: str) -> str:
    """One line of the table."""
    return ROW.format(
        label,
        f"{100 * float(success.float().mean()):.1f} %",
        f"{float(mi.mean()):.3f}",
        f"{float(loop.nanmean()):.3f}",
        f"{float(linf.max()):.3f}",
        f"{float(l2.mean()):.3f}",
        checked,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=("train", "test"), default="test")
    split = parser.parse_args().split
    tune_cpu()
    print(ROW.format("64 images each", "success", "MI after", "MI loop", "max L∞", "L2", "checked afresh"))
    for lines in (supervised(split), unsupervised(split)):
        for line in lines:
            print(line, flush=True)


if __name__ == "__main__":
    main()
