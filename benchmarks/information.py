"""Which noise and which patches the measure of information has: chosen on training images.

`ADVMI_DATA=<data folder> python benchmarks/information.py [--n 48]` prints for σ of 2, 5, 10 and 25 grey
levels and patches of 3×3 and 5×5 pixels, on images that no attack page shows and no table reports:

- the share kept by perturbations of all kinds, noise and attacks and unrelated images (which should have 0);
- ρ, Spearman's correlation of the mean shares with the mean SSIM, over the perturbations that keep contrast;
- how well neighbours near x are told apart: the difference of DDN and of noise of standard deviation 0.01 to
  x, and of CW to DDN, each in standard errors over images, and the spread of the share among images;
- the milliseconds an image costs at 28, 64 and 224 pixels, and the shares of two photographs.

The default is the smallest noise by which an invisible one, 0.01, costs less than two percent: a smaller one
tells neighbours apart better, a larger one worse, and all order the perturbations alike. Patches of 5×5 do
not order them better, cost more, and are further from 0 for a black image.
"""

from __future__ import annotations

import argparse
import time
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor

from advmi_core import data, models
from advmi_core.attacks import CW, DDN, PGD, Attack
from advmi_core.device import tune_cpu
from advmi_core.evaluation.distances import distances
from advmi_core.mi.per_image import information, patches
from advmi_core.mi.per_image.information import Information
from advmi_core.objectives import Classification

Values = NDArray[np.float64]
FIRST = 20_000  # of the training images that are looked at
LEVELS, SIDES, SIZES = (2, 5, 10, 25), (3, 5), (28, 64, 224)
STRENGTHS = (0.01, 0.05, 0.1, 0.3)
UNRELATED = ("another image", "only noise", "black")
WITHOUT_CONTRAST = ("contrast 0.3", *UNRELATED)


def noise(x: Tensor, strength: float) -> Tensor:
    """Gaussian noise, the same for every setting."""
    return (x + strength * torch.randn(x.shape, generator=torch.Generator().manual_seed(7))).clamp(0, 1)


def blurred(x: Tensor) -> Tensor:
    """The mean of 3×3 pixels."""
    return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)


def plain(x: Tensor) -> dict[str, Tensor]:
    """Perturbations that need no model."""
    only = torch.rand(x.shape, generator=torch.Generator().manual_seed(8))
    return {
        **{f"noise {strength:g}": noise(x, strength) for strength in STRENGTHS},
        "blur": blurred(x),
        "contrast 0.3": 0.3 * x,
        **dict(zip(UNRELATED, (x.roll(1, 0), only, torch.zeros_like(x)), strict=True)),
    }


def attacked(x: Tensor) -> dict[str, Tensor]:
    """Adversarial examples of the classifier's own verdicts, without any information in the loop."""
    network = models.load("cnn", dataset="fashion-mnist").eval()
    with torch.no_grad():
        victim = Classification(network, network(x).argmax(1))
    attacks: dict[str, Attack] = {
        "CW": CW(eps=28.0, searches=5, steps=50, first_c=1.0, mi_steps=0),
        "DDN": DDN(eps=28.0, steps=50, mi_steps=0),
        **{f"PGD {eps:g}": PGD(eps=eps, mi_steps=0) for eps in (0.05, 0.3)},
    }
    return {name: attack(victim, x).x_adv for name, attack in attacks.items()}


def shares(x: Tensor, twins: dict[str, Tensor], levels: int, side: int) -> dict[str, Values]:
    """(B,) shares kept, in percent, with this noise and patches of this side."""
    with mock.patch.object(information, "PATCH", side), mock.patch.object(patches, "PATCH", side):
        measure = Information(x, levels / 255)
        return {name: 100 * measure.kept(twin).double().numpy() for name, twin in twins.items()}


def errors(difference: Values) -> float:
    """The mean in standard errors."""
    return float(difference.mean() / (difference.std(ddof=1) / np.sqrt(len(difference)) + 1e-12))


def table(x: Tensor, twins: dict[str, Tensor]) -> None:
    """Shares kept, one column a setting, and what they say below."""
    settings = [(side, levels) for side in SIDES for levels in LEVELS]
    found = [shares(x, twins, levels, side) for side, levels in settings]
    likeness = {name: float(distances(x, twin).ssim.mean()) for name, twin in twins.items()}
    print(f"{'percent kept':26}" + "".join(f"{f'{s}×{s} {n}':>8}" for s, n in settings) + f"{'SSIM':>8}")
    for name in twins:
        cells = "".join(f"{one[name].mean():8.2f}" for one in found)
        print(f"{name:26}{cells}{likeness[name]:8.3f}")
    ranked = [name for name in twins if name not in WITHOUT_CONTRAST]
    close = [likeness[name] for name in ranked]
    near = {
        "ρ with SSIM": [float(spearmanr([one[n].mean() for n in ranked], close)[0]) for one in found],
        "x − DDN, in errors": [errors(100 - one["DDN"]) for one in found],
        "x − noise 0.01, in errors": [errors(100 - one["noise 0.01"]) for one in found],
        "CW − DDN, in errors": [errors(one["CW"] - one["DDN"]) for one in found],
        "spread of unrelated": [float(one["another image"].std(ddof=1)) for one in found],
        "spread of noise 0.1": [float(one["noise 0.1"].std(ddof=1)) for one in found],
    }
    for name, values in near.items():
        print(f"{name:26}" + "".join(f"{value:8.2f}" for value in values))


def cost() -> None:
    """Milliseconds an image, colour at 224 pixels too: value alone, and value with gradient."""
    print(f"\nMilliseconds an image, {torch.get_num_threads()} threads: value | with gradient")
    for side in SIZES:
        for channels in (1, 3):
            x = torch.rand(8, channels, side, side)
            measure, x_adv = Information(x), noise(x, 0.1)
            times = [fastest(lambda: measure(x_adv)), fastest(lambda: measure.with_gradient(x_adv))]  # noqa: B023
            cells = " | ".join(f"{1e3 * seconds / len(x):7.2f}" for seconds in times)
            print(f"{side:4}×{side} ×{channels}  {cells}   {1e9 * times[0] / x.numel():.0f} ns a value")


def fastest(work: object, tries: int = 4) -> float:
    """Seconds of the fastest of some tries, since other programs share the machine."""
    assert callable(work)
    seconds = []
    for _ in range(tries):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def photographs() -> None:
    """Two photographs of 224 pixels."""
    from sklearn.datasets import load_sample_images

    pictures = [torch.from_numpy(image[100:324, 200:424].copy()) for image in load_sample_images().images]
    x = torch.stack(pictures).permute(0, 3, 1, 2).float() / 255
    print("\nTwo photographs, 224×224, percent kept with the default")
    measure = Information(x)
    for name, twin in plain(x).items():
        print(f"{name:26}" + "".join(f"{100 * share:8.2f}" for share in measure.kept(twin).tolist()))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", type=int, default=48, help="training images")
    arguments = parser.parse_args()
    tune_cpu()
    images = data.load("fashion-mnist", split="train").take(range(FIRST, FIRST + arguments.n))
    table(images.x, attacked(images.x) | plain(images.x))
    photographs()
    cost()


if __name__ == "__main__":
    main()
