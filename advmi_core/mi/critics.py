"""B independent critics in one set of tensors [UAE, MINE].

T(a,b) = w · ReLU(branch_x(a) + branch_y(b)); a branch is conv 2×2 (feature maps only) → linear → linear 10
without a nonlinearity between them, hence one linear map. It is evaluated through that map (METHODS §7):
same function and same gradients for every weight, but the work no longer grows with the number of samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.adam import adam

from advmi_core.rng import RowStreams

KERNEL = 2
TAPS = KERNEL * KERNEL + 1  # four pixels and the bias
# Above float32's rounding noise: the bias of an always active unit has gradient Σ 1/K − Σ softmax = 0, and
# Adam's usual 1e-8 would let it wander by rounding, differently in every batch.
ADAM_EPS = 1e-5
# Weights to a cache line: fused Adam rounds those of a last, broken line differently.
CACHE_LINE = 16


@dataclass(frozen=True)
class Preset:
    """Shape and learning rate of a critic.

    Attributes:
        pool: average-pool the maps 2×2 first.
        stride: of the 2×2 convolution.
        channels: of the 2×2 convolution.
        width: of the first linear layer.
        outputs: of the second linear layer, where the branches meet.
        lr: Adam's learning rate while x̃ moves.
        fit_lr: the rate of fresh critics that measure a finished x̃ in few steps.
    """

    pool: bool
    stride: int
    width: int
    lr: float
    fit_lr: float
    channels: int = 16
    outputs: int = 10


# A branch is linear and a 2×2 filter has four pixels, so eight channels express all that sixteen do at half
# the memory traffic. benchmarks/critic_rate.py compares the compact rates on training images.
PRESETS = {
    "paper": Preset(pool=False, stride=1, width=512, lr=1.5e-5, fit_lr=1.5e-5),
    "compact": Preset(pool=True, stride=2, channels=8, width=64, lr=1e-4, fit_lr=5e-4),
}


def prepare(samples: Tensor, preset: Preset) -> Tensor:
    """Samples as the branches take them, differentiably: maps (B,K,h,w) → (B,K,5·P), vectors stay (B,K,D).

    Four planes hold the pixels under each position of the 2×2 kernel, the fifth a 1 for the filter's bias.
    """
    if samples.ndim == 3:
        return samples
    rows, k = samples.shape[:2]
    maps = samples.flatten(0, 1).unsqueeze(1)
    if preset.pool:
        maps = F.avg_pool2d(maps, 2)
    if min(maps.shape[-2:]) < KERNEL:
        seen = tuple(samples.shape[-2:])
        raise ValueError(f"feature maps must be at least {KERNEL}×{KERNEL} after pooling, got {seen} before")
    planes = _blocks(maps) if preset.stride == KERNEL else F.unfold(maps, KERNEL, stride=preset.stride)
    ones = planes.new_ones(()).expand(len(planes), 1, planes.shape[2])
    return torch.cat([planes, ones], dim=1).view(rows, k, -1)


def _blocks(maps: Tensor) -> Tensor:
    """Non-overlapping 2×2 blocks (N,1,h,w) → (N,4,P): what unfold gives, as a mere permutation."""
    n, _, h, w = maps.shape
    even = maps[:, 0, : h - h % 2, : w - w % 2]
    return even.reshape(n, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3).reshape(n, 4, -1)


class Branches:
    """The linear branches of B critics, x's in rows 0…B−1 and y's in B…2B−1 of one batch.

    Weights and gradients are dictionaries of (2B,…) tensors: ``filters`` (C,5) with the bias as fifth tap,
    for feature maps only; ``first`` (H,C·P), ``first_bias`` (H), ``second`` (O,H), ``second_bias`` (O).
    """

    def __init__(self, weights: dict[str, Tensor], grads: dict[str, Tensor]) -> None:
        self.weights = weights
        self.grads = grads
        # Fresh pages cost more than the arithmetic on them, so the two large intermediates are kept.
        first, second = weights["first"], weights["second"]
        self._linear = first.new_empty(len(first), second.shape[1], first.shape[2])
        self._d_linear = torch.empty_like(self._linear)
        self.map = self._linear

    def _per_channel(self, linear: Tensor) -> Tensor:
        """(2B·O,C,P) view of a linear map (2B,O,C·P)."""
        channels = self.weights["filters"].shape[1]
        return linear.view(linear.shape[0] * linear.shape[1], channels, -1)

    def forward(self, samples: Tensor) -> Tensor:
        """(2B,O,K) outputs for samples (2B,K,Q); keeps the collapsed map (2B,O,Q) for the way back."""
        w = self.weights
        torch.bmm(w["second"], w["first"], out=self._linear)
        if "filters" in w:
            taps = w["filters"].transpose(1, 2).unsqueeze(1)
            self._taps = taps.expand(-1, self._linear.shape[1], -1, -1).flatten(0, 1)
            folded = torch.bmm(self._taps, self._per_channel(self._linear))
            self.map = folded.view(*self._linear.shape[:2], -1)
        # Vectors multiply from the left: from the right their sums would depend on the number of batch mates.
        biases, second = w["first_bias"].unsqueeze(1), w["second"].transpose(1, 2)
        constant = torch.baddbmm(w["second_bias"].unsqueeze(1), biases, second).transpose(1, 2)
        return torch.bmm(self.map, samples.transpose(1, 2)).add_(constant)

    def backward(self, samples: Tensor, grad: Tensor) -> None:
        """Write the gradients of all weights, given the gradient (2B,O,K) of the outputs."""
        w, g = self.weights, self.grads
        d_map = torch.bmm(grad, samples)
        d_linear = d_map
        if "filters" in w:
            d_folded = d_map.view(len(self._taps), TAPS, -1)
            d_filters = torch.bmm(self._per_channel(self._linear), d_folded.transpose(1, 2))
            torch.sum(d_filters.view(*d_map.shape[:2], -1, TAPS), 1, out=g["filters"])
            d_linear = self._d_linear
            torch.bmm(self._taps.transpose(1, 2), d_folded, out=self._per_channel(d_linear))
        d_constant = grad.sum(2, keepdim=True)
        torch.bmm(w["second"].transpose(1, 2), d_linear, out=g["first"])
        torch.bmm(d_linear, w["first"].transpose(1, 2), out=g["second"])
        g["second"].baddbmm_(d_constant, w["first_bias"].unsqueeze(1))
        g["second_bias"].copy_(d_constant.squeeze(2))
        torch.bmm(d_constant.transpose(1, 2), w["second"], out=g["first_bias"].unsqueeze(1))


def branch_shapes(width_in: int, conv: bool, preset: Preset) -> dict[str, tuple[int, ...]]:
    """Weight shapes of one branch of one critic for prepared samples of ``width_in`` values."""
    shapes: dict[str, tuple[int, ...]] = {}
    if conv:
        shapes["filters"] = (preset.channels, TAPS)
        width_in = preset.channels * width_in // TAPS
    return shapes | {
        "first": (preset.width, width_in),
        "first_bias": (preset.width,),
        "second": (preset.outputs, preset.width),
        "second_bias": (preset.outputs,),
    }


def carve(flat: Tensor, shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Contiguous views of one flat buffer, so that one optimiser step serves all weights."""
    views, start = {}, 0
    for name, shape in shapes.items():
        size = math.prod(shape)
        views[name] = flat[start : start + size].view(shape)
        start += size
    return views


class Ascent:
    """Adam that raises a value, for all critics in one flat tensor whose ``grad`` is filled by hand.

    The kernel of ``torch.optim.Adam`` and so its bits. Not the optimiser, whose first step loads torch's
    compiler: two seconds of every command and of the app's first run.

    Args:
        flat: the weights, changed in place.
        lr: learning rate; may be set anew between steps.
        weight_decay: L2 penalty.
    """

    def __init__(self, flat: Tensor, lr: float, weight_decay: float = 0.0) -> None:
        self.lr = lr
        self._flat, self._weight_decay = flat, weight_decay
        self._mean, self._square = torch.zeros_like(flat), torch.zeros_like(flat)
        self._steps = torch.zeros((), device=flat.device)

    @torch.no_grad()
    def step(self) -> None:
        """Move along the present gradient."""
        assert self._flat.grad is not None  # whoever owns the weights has filled it
        adam(
            [self._flat],
            [self._flat.grad],
            [self._mean],
            [self._square],
            [],
            [self._steps],
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.lr,
            weight_decay=self._weight_decay,
            eps=ADAM_EPS,
            maximize=True,
        )


def initialise(weights: dict[str, Tensor], streams: RowStreams) -> None:
    """Glorot-uniform weights of B critics, each row from its own stream; biases stay 0."""
    rows = len(streams)
    for name, tensor in weights.items():
        shape = tensor.shape[1:]
        if name == "filters":
            tensor, fans = tensor[..., :-1], (shape[0] + 1) * KERNEL * KERNEL
        elif name in ("first", "second"):
            fans = shape[0] + shape[1]
        elif name == "head":
            fans = shape[0] + 1
        else:
            continue
        for side in torch.split(tensor, rows):
            streams.fill_uniform(side, math.sqrt(6 / fans))
