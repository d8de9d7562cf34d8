"""Small models (B,1,10,12) → logits (B,5) as other people write them, each with a habit of its own."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

FLAT = 4 * 8 * 10


def _network(stem: nn.Module | None = None, pixels: int = FLAT) -> nn.Sequential:
    return nn.Sequential(stem or nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(pixels, 5))


def _padded(mode: str) -> nn.Module:
    return _network(nn.Conv2d(1, 4, 3, padding=1, padding_mode=mode), 4 * 10 * 12)


class Inside(nn.Module):
    """Computes in another precision than its input's."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.network, self.dtype = _network().to(dtype), dtype

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x.to(self.dtype))


class Autocast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network = _network()

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            return self.network(x)


class OneByOne(nn.Module):
    """Loops over the images: unbatched convolutions, and a linear layer that is fed vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.squeeze, self.head = nn.Conv2d(1, 4, 3), nn.Linear(FLAT, 7), nn.Linear(7, 5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.head(self.squeeze(self.stem(image).relu().flatten())) for image in x])


class Vectors(nn.Module):
    """A linear layer fed with one vector of 16 or more features an image."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(120, 5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.head(image.flatten()) for image in x])


class Mirrored(nn.Module):
    """Averages over the image and its mirror image, stacked into one batch."""

    def __init__(self) -> None:
        super().__init__()
        self.network = _network()

    def forward(self, x: Tensor) -> Tensor:
        return self.network(torch.cat([x, x.flip(-1)])).unflatten(0, (2, -1)).mean(0)


class MirroredTwice(Mirrored):
    """The same by two passes."""

    def forward(self, x: Tensor) -> Tensor:
        return (self.network(x) + self.network(x.flip(-1))) / 2


class Attention(nn.Module):
    """A small vision transformer: rows of pixels are the tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(12, 8)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(self.embed(x.squeeze(1))).mean(1))


class Spectrum(nn.Module):
    """A Fourier transform in front; its weights are buffers, it has no parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.randn(10 * 7, 5) / 5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.rfft2(x.squeeze(1)).abs().flatten(1) @ self.weight


class SharedLayer(nn.Module):
    """One convolution used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.again, self.head = (
            nn.Conv2d(1, 4, 3),
            nn.Conv2d(4, 4, 3, padding=1),
            nn.Linear(FLAT, 5),
        )

    def forward(self, x: Tensor) -> Tensor:
        once = self.again(self.stem(x).relu()).relu_()
        return self.head(self.again(once).sigmoid().flatten(1))


def _old_norm(norm: Callable[[nn.Module], nn.Module]) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model = _network(norm(nn.Conv2d(1, 4, 3)))
    model(torch.rand(1, 1, 10, 12))  # its weight is now the output of a computation
    return model


MODELS: dict[str, Callable[[], nn.Module]] = {
    "reflect": lambda: _padded("reflect"),
    "replicate": lambda: _padded("replicate"),
    "circular": lambda: _padded("circular"),
    "double": lambda: Inside(torch.float64),
    "half": lambda: Inside(torch.float16),
    "bfloat16": lambda: Inside(torch.bfloat16),
    "autocast": Autocast,
    "weight norm": lambda: _old_norm(nn.utils.weight_norm),
    "spectral norm": lambda: _old_norm(nn.utils.spectral_norm),
    "one by one": OneByOne,
    "vectors": Vectors,
    "mirrored": Mirrored,
    "mirrored twice": MirroredTwice,
    "parametrised": lambda: _network(parametrizations.weight_norm(nn.Conv2d(1, 4, 3, bias=False))),
    "attention": Attention,
    "spectrum": Spectrum,
    "scripted": lambda: torch.jit.script(_network()),
    "shared layer": SharedLayer,
}


def zoo_model(name: str) -> nn.Module:
    """The model, with weights that depend on nothing but its name; eval mode is the caller's business."""
    with torch.random.fork_rng():
        torch.manual_seed(sum(map(ord, name)))
        return MODELS[name]()
