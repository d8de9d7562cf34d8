"""Chooses the compact critics' Adam rate on training images: `python benchmarks/critic_rate.py`.

A rate that is too high drives the bound far beyond log K in one attack, and its gradient overrules the
criterion; one too low leaves it near 0. The table shows, for 32 training images: how many UAEs succeed,
how many supervised attacks do, the bound at the end of the loop against log K, and the rank correlation of
post-hoc estimates between two seeds and with the paper preset.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from scipy.stats import spearmanr
from torch import Tensor

from advmi_core import data, models
from advmi_core.attacks import MinMax
from advmi_core.device import tune_cpu
from advmi_core.mi import PRESETS, estimate_mi
from advmi_core.objectives import Classification, Reconstruction

IMAGES = 32
RATES = (3e-5, 1e-4, 3e-4, 5e-4, 1e-3)


def noisy(x: Tensor) -> Tensor:
    """Images with Gaussian noise of strengths from 0.02 to 0.5."""
    strength = torch.logspace(math.log10(0.02), math.log10(0.5), len(x)).view(-1, 1, 1, 1)
    stream = torch.Generator().manual_seed(0)
    return (x + strength * torch.randn(x.shape, generator=stream)).clamp(0, 1)


def main() -> None:
    """Print the table."""
    tune_cpu()
    images, cnn = data.load("fashion-mnist", split="train"), models.load("cnn")
    right = (cnn(images.x[:100]).argmax(1) == images.y[:100]).nonzero().flatten()[:IMAGES]
    x, y = images.x[right], images.y[right]
    twin, objective, compact = noisy(x), Classification(cnn, y), PRESETS["compact"]
    paper = estimate_mi(objective, x, twin, critic="paper", steps=200)
    print(f"log K: {math.log(16):.2f} (ae-conv), {math.log(32):.2f} (cnn)")
    print(f"mean I of the paper preset, 200 steps, cnn: {paper.mean():.3f}")
    print("rate     UAE conv  UAE dense  supervised  last I conv  mean I cnn  two seeds  with paper")
    for rate in RATES:
        PRESETS["compact"] = replace(compact, lr=rate, fit_lr=rate)
        uaes = [
            MinMax.published(eps=1.0, steps=40, inner=20, mi_steps=0)(Reconstruction(models.load(name)), x)
            for name in ("ae-conv", "ae-dense")
        ]
        supervised = MinMax.published(eps=0.3, steps=200, mi_steps=0)(objective, x)
        first, second = (estimate_mi(objective, x, twin, seed=seed) for seed in (0, 1))
        print(
            f"{rate:<8g} {uaes[0].asr:8.2f} {uaes[1].asr:10.2f} {supervised.asr:11.2f}"
            f" {uaes[0].history['mi'][-1].mean():12.2f} {first.mean():11.3f}"
            f" {spearmanr(first, second).statistic:10.2f} {spearmanr(first, paper).statistic:11.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
