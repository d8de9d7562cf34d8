"""Conv, random and patch sampling on many images: level, spread and cost of the MI, and do seeds agree?

METHODS §1: a published per-sample value comes from few samples and from a critic that is scored on the
samples it was trained on. This study says what that is worth: the same images, measured again under
another seed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from advmi_core.mi.critics import PRESETS
from advmi_core.studies.sampling.perturb import PERTURBATIONS
from advmi_core.validate import check_choice, check_count, check_number

SAMPLINGS = ("conv", "random", "patches")


@dataclass(frozen=True, kw_only=True)
class SamplingSpec:
    """MI between images and their perturbed twins, by several samplings and seeds [UAE; METHODS §1].

    Attributes:
        dataset, split: where the images are from; the first ``n`` of the split are taken.
        model: a classifier or autoencoder with trained weights; its first convolution gives the conv samples.
        n: images, ≥ 1.
        eps: largest change of a pixel, in [0,1].
        perturbation: ``"noise"`` (uniform) or ``"pgd"``, see ``perturb``.
        seed: of the perturbation, ≥ 0.
        samplings: some of ``SAMPLINGS``; conv and random are the published in-sample Donsker–Varadhan
            values, patches the cross-fitted InfoNCE one (``estimate_mi``'s defaults).
        seeds: of the estimates, ≥ 0, all different.
        critic: preset of the conv and random critics.
        steps: Adam steps of each critic, ≥ 1.
        part: images computed and kept at once, ≥ 1; no result depends on it.
        device: auto, cuda, mps or cpu.
    """

    dataset: str = "fashion-mnist"
    split: str = "test"
    model: str = "cnn"
    n: int = 1000
    eps: float = 0.1
    perturbation: str = "noise"
    seed: int = 0
    samplings: tuple[str, ...] = SAMPLINGS
    seeds: tuple[int, ...] = (0, 1)
    critic: str = "compact"
    steps: int = 100
    part: int = 25
    device: str = "auto"

    def __post_init__(self) -> None:
        for name in ("n", "steps", "part"):
            check_count(getattr(self, name), name)
        check_number(self.eps, "eps", low=0, high=1)
        check_choice(self.perturbation, "perturbation", PERTURBATIONS)
        check_choice(self.critic, "critic", tuple(PRESETS))
        check_count(self.seed, "seed", low=0)
        for name in ("samplings", "seeds"):
            chosen = getattr(self, name)
            if not isinstance(chosen, tuple) or not chosen or len(set(chosen)) < len(chosen):
                raise ValueError(f"{name} must be a tuple of different values, at least one, got {chosen!r}")
        for sampling in self.samplings:
            check_choice(sampling, "samplings", SAMPLINGS)
        for seed in self.seeds:
            check_count(seed, "seeds", low=0)

    def spec(self) -> dict[str, Any]:
        """All parameters, JSON-serialisable."""
        return asdict(self)

    @property
    def title(self) -> str:
        """What people call it."""
        return f"Sampling: {self.n} images, {self.perturbation}, ε = {self.eps:g}"
