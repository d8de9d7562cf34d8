"""The MI term of an attack, or the distance in its place: what is seen along the way, and its pull on x̃.

By the data processing inequality no x̃ has more information about x than x itself. ``Information`` obeys that
by itself. A critic, and the closed form with noise on either side, which a higher contrast raises, do not:
what climbs them leaves x for nothing. An attack that may look twice sees them through ``Anchored``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from advmi_core.attacks.core.ball import per_image
from advmi_core.attacks.core.memory import critic_weights
from advmi_core.mi.critics import PRESETS
from advmi_core.mi.gaussian import gaussian_mi
from advmi_core.mi.per_image.information import Information
from advmi_core.mi.per_image.patches import PatchMINE, image_patches
from advmi_core.mi.per_image.per_sample import PerSampleMINE
from advmi_core.mi.per_image.sampling import draw_samples, project, resolve_sampling
from advmi_core.objectives import Objective, Problem

MEASURE = "information"  # ``Information``, what the pages show as information kept: x̃ = x tops it
_LEARNING = 100  # steps of a critic on x with itself, before x̃ moves
DISTANCE = "l2"  # the L2 distance in the place of the MI [UAE, sec. 4.4]: it needs no samples
# mi="mine-conv" is the published definition; a model without a convolution has random sampling in its place.
MI_TERMS = {
    "mine-conv": "auto",
    "mine-random": "random",
    "mine-patches": "patches",
    "gaussian-patches": "patches",
    MEASURE: "patches",
    DISTANCE: None,
}


def check_sampling(objective: Objective, mi: str) -> str | None:
    """The sampling that ``mi`` means for this model, None where it needs no samples."""
    sampling = MI_TERMS[mi]
    return None if sampling is None else resolve_sampling(objective, sampling)


def named(objective: Objective, mi: str) -> str:
    """The term that ``mi`` means for this model; "" for the distance, which is no MI."""
    if mi == "mine-conv" and check_sampling(objective, mi) == "random":
        return "mine-random"
    return "" if mi == DISTANCE else mi


def is_measure(loop_term: str) -> bool:
    """Whether the numbers of this term are the measure that is shown, ``Step.information``, themselves."""
    return loop_term == MEASURE


def learns(loop_term: str) -> bool:
    """Whether a critic estimates the numbers of this term while it learns; else they are in closed form."""
    return loop_term.startswith("mine-")


def weights_per_image(problem: Problem, mi: str, critic: str) -> int:
    """Weights of one image's critic; 0 where the term has none."""
    term = named(problem.objective, mi)
    if not learns(term):
        return 0
    if term == "mine-patches":
        return PatchMINE.weights(problem.x.shape[1])
    maps = problem.objective.features(problem.x[:1]) if term == "mine-conv" else None
    return critic_weights(maps, PRESETS[critic])


class MITerm(ABC):
    """I(x, x̃) for B images, estimated along the attack.

    Attributes:
        wants_maps: ``step`` needs the first-layer maps of x̃.
        nats: the values are mutual information, and one that is not above 0 is none; else they measure
            likeness in another unit and sign, and a record must not call them MI.
        repeats: all steps do the same, with nothing drawn or counted on the host on the way.
    """

    wants_maps: bool = False
    nats: ClassVar[bool] = True
    repeats: bool = True

    @abstractmethod
    def step(self, x_adv: Tensor, maps: Tensor | None, again: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Learn from this x̃ (B,C,H,W) and look at it; ``again`` where the last x̃ was looked at.

        Returns:
            (B,) nats before the last critic step (or likeness, see ``nats``); the differentiable samples of
            x̃; ∂I/∂samples.
        """


def make_term(
    problem: Problem,
    mi: str,
    rows: Sequence[int],
    *,
    inner: int,
    seed: int,
    critic: str,
    bound: str,
    pairs: str,
) -> MITerm:
    """The term that ``mi`` names, one of ``MI_TERMS``.

    Args:
        problem: images and model.
        mi: name.
        rows: row ids.
        inner: critic steps per attack step.
        seed: ≥ 0.
        bound: name in ``BOUNDS``; ``"auto"`` takes DV for the published samplings and InfoNCE for patches.
        critic, pairs: of the published samplings, see ``PerSampleMINE``.
    """
    sampling = check_sampling(problem.objective, mi)
    if sampling is None:
        return DistanceTerm(problem)
    if mi == MEASURE:
        return InformationTerm(problem)
    if mi == "gaussian-patches":
        return GaussianTerm(problem)
    if bound == "auto":
        bound = "infonce" if sampling == "patches" else "dv"
    if sampling == "patches":
        return PatchTerm(problem, rows, inner=inner, seed=seed, bound=bound)
    return SampleTerm(
        problem, sampling, rows, inner=inner, seed=seed, critic=critic, bound=bound, pairs=pairs
    )


class SampleTerm(MITerm):
    """The published term: per-sample MINE on feature maps or random projections [UAE, sec. 3.1]."""

    def __init__(
        self,
        problem: Problem,
        sampling: str,
        rows: Sequence[int],
        *,
        inner: int,
        seed: int,
        critic: str,
        bound: str,
        pairs: str,
    ) -> None:
        self._sampling, self._inner, self._seed = sampling, inner, seed
        self.wants_maps = sampling == "conv"
        with torch.no_grad():
            samples = draw_samples(problem.objective, problem.x, sampling, seed)
        self._mine = PerSampleMINE(samples, critic=critic, bound=bound, pairs=pairs, seed=seed, rows=rows)
        self.repeats = self._mine.repeats

    def step(self, x_adv: Tensor, maps: Tensor | None, again: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        drawn = maps if self._sampling == "conv" else project(x_adv, self._seed)
        assert drawn is not None  # check_sampling saw the maps
        samples = self._mine.prepare(drawn)
        fixed = samples.detach()
        if self._inner > 1:
            self._mine.ascend(fixed, self._inner - 1)
        value, gradient = self._mine.ascend_with_gradient(fixed)
        return value, samples, gradient


class PatchTerm(MITerm):
    """MINE on image patches: fresh positions in every critic step, so the value is nearly held out."""

    repeats = False

    def __init__(self, problem: Problem, rows: Sequence[int], *, inner: int, seed: int, bound: str) -> None:
        self._inner = inner
        self._mine = PatchMINE(image_patches(problem.x), seed=seed, rows=rows, bound=bound)

    def step(self, x_adv: Tensor, maps: Tensor | None, again: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        samples = image_patches(x_adv)
        value, gradient = self._mine.ascend_with_gradient(samples.detach(), self._inner, again)
        return value, samples, gradient


class GaussianTerm(MITerm):
    """The closed-form Gaussian MI of image patches: no critic, no randomness."""

    def __init__(self, problem: Problem) -> None:
        self._originals = image_patches(problem.x)

    def step(self, x_adv: Tensor, maps: Tensor | None, again: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        samples = image_patches(x_adv)
        leaf = samples.detach().requires_grad_()
        with torch.enable_grad():
            value = gaussian_mi(self._originals, leaf)
            (gradient,) = torch.autograd.grad(value.sum(), leaf)
        return value.detach(), samples, gradient


class InformationTerm(MITerm):
    """The measure that is shown: no critic, no randomness, and x itself at its top."""

    def __init__(self, problem: Problem) -> None:
        self._measure = Information(problem.x)

    def step(self, x_adv: Tensor, maps: Tensor | None, again: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        value, gradient = self._measure.with_gradient(x_adv.detach())
        return value, x_adv, gradient


class DistanceTerm(MITerm):
    """−‖x̃ − x‖², squared pixel values summed over an image: what L2-UAE minimises in the place of the MI."""

    nats: ClassVar[bool] = False

    def __init__(self, problem: Problem) -> None:
        self._originals = problem.x.flatten(1)

    def step(self, x_adv: Tensor, maps: Tensor | None, again: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        samples = x_adv.flatten(1)
        delta = samples.detach() - self._originals
        return -delta.square().sum(1), samples, -2 * delta


def pulled(term: MITerm, x_adv: Tensor, maps: Tensor | None, again: bool = False) -> tuple[Tensor, Tensor]:
    """(b,) nats of x̃, a leaf with a gradient, and their gradient (b,C,H,W), 0 where it is not finite.

    The graph of ``maps`` stays for the model's own backward pass.
    """
    value, samples, gradient = term.step(x_adv, maps, again)
    finite = gradient.flatten(1).abs().amax(1) < torch.inf
    gradient = torch.where(per_image(finite, gradient), gradient, 0.0)
    (pull,) = torch.autograd.grad(samples, x_adv, gradient, retain_graph=True)
    return value, pull


class Anchored:
    """A term with x itself at its top: I(x; x̃) − I(x; x) − ⟨∇I(x; x), x̃ − x⟩, and never above 0.

    x̃ = x is stationary for what is left, as it is for mutual information itself; with a critic up to the one
    step that it learns between the two looks. It learns from x first, and as much from x as from x̃ at every
    step, so that what it has learnt on the way cancels.

    Args:
        term: any; the measure that is shown needs none of this and stays as it is.
        problem: images and model.
        mi: the term's name.
    """

    def __init__(self, term: MITerm, problem: Problem, mi: str) -> None:
        self.term, self._needed = term, mi != MEASURE
        if not self._needed:
            return
        self._x = problem.x.detach().clone().requires_grad_()
        with torch.enable_grad():
            self._maps = problem.objective.forward(self._x, True)[1] if term.wants_maps else None
            for _ in range(_LEARNING if learns(mi) else 0):
                term.step(self._x, self._maps)

    def look(self, x_adv: Tensor, maps: Tensor | None, keeps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(b,) nats of x̃, a leaf with a gradient; what counts of them (b,); the gradient of that (b,C,H,W).

        Rows that do not keep information, ``keeps`` (b,), have the term's own gradient.
        """
        value, pull = pulled(self.term, x_adv, maps)
        if not self._needed:
            return value, value, pull
        itself, slope = pulled(self.term, self._x, self._maps, again=True)
        slope = torch.where(per_image(keeps, slope), slope, 0.0)
        counts = value - itself - (slope * (x_adv - self._x).detach()).flatten(1).sum(1)
        beyond = keeps & (counts > 0)
        pull = torch.where(per_image(beyond, pull), 0.0, pull - slope)
        return torch.minimum(value, itself), torch.where(beyond, 0.0, counts), pull
