"""The concrete autoencoder: it learns which K inputs tell most about all [Abid, Balin & Zou 2019].

"Concrete Autoencoders: Differentiable Feature Selection and Reconstruction", ICML 2019, arXiv 1901.09346.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from advmi_core.models.base import Autoencoder, Shape
from advmi_core.validate import check_count, check_number

SELECTED, SELECTED_OF_TABLE = 50, 10
"""Inputs selected from an image, and from a table of fewer than ``TABLE`` columns (METHODS §4)."""
TABLE = 256
WIDTH = 320
SLOPE = 0.2
DROPPED = 0.1
FIRST_TEMPERATURE, LAST_TEMPERATURE = 10.0, 0.1


class Selector(nn.Linear):
    """d inputs → K selected ones; row k of ``weight`` (K,d) holds log α_k, the logits of unit k's choice."""

    def __init__(self, inputs: int, selected: int) -> None:
        super().__init__(inputs, selected, bias=False)

    def sample(self, temperature: float, generator: torch.Generator) -> Tensor:
        """(K,d) rows m = softmax((log α + g) / temperature), g standard Gumbel noise [eq. 1].

        Every row sums to 1; as the temperature falls to 0 it becomes one-hot at argmax (log α + g).
        """
        shape, device = self.weight.shape, self.weight.device
        exponential = torch.empty(shape).exponential_(generator=generator).clamp_min(1e-20)
        return torch.softmax((self.weight - exponential.log().to(device)) / temperature, dim=1)

    def selected(self) -> Tensor:
        """(K,) int64: the most probable input of every unit."""
        return self.weight.detach().argmax(1)

    def forward(self, x: Tensor) -> Tensor:
        """(B,d) → (B,K): the most probable inputs themselves, exact and without noise."""
        return x.index_select(1, self.selected())


class ConcreteAutoencoder(Autoencoder):
    """K selected inputs → 320 → 320 → d; leaky ReLU 0.2, dropout 0.1, sigmoid at the end.

    ``encode``, ``decode`` and ``forward`` are those of the trained model: the most probable inputs, no noise,
    no dropout, whatever the module's mode. Noise belongs to training alone, see ``noisy``. The sigmoid keeps
    reconstructions in [0,1]; the paper's last layer is linear.

    Args:
        in_shape: (C,H,W) of the images, or (1,1,d) of a table's rows.
        selected: K, 1…C·H·W; None takes 50 of an image and 10 of a table (fewer than 256 inputs).

    Raises:
        ValueError: K is out of its range.
    """

    def __init__(self, in_shape: Shape, selected: int | None = None) -> None:
        super().__init__(in_shape)
        inputs = math.prod(in_shape)
        if selected is None:
            selected = min(inputs, SELECTED if inputs >= TABLE else SELECTED_OF_TABLE)
        check_count(selected, "selected")
        if selected > inputs:
            raise ValueError(f"selected must be at most {inputs}, the inputs of {in_shape}, got {selected}")
        self.selector = Selector(inputs, selected)
        self.decoder = nn.Sequential(
            nn.Linear(selected, WIDTH),
            nn.LeakyReLU(SLOPE),
            nn.Linear(WIDTH, WIDTH),
            nn.LeakyReLU(SLOPE),
            nn.Linear(WIDTH, inputs),
            nn.Sigmoid(),
            nn.Unflatten(1, in_shape),
        )

    def encode(self, x: Tensor) -> Tensor:
        """(B,C,H,W) → (B,K), the values of the selected inputs."""
        code: Tensor = self.selector(x.flatten(1))
        return code

    def decode(self, code: Tensor) -> Tensor:
        """(B,K) → (B,C,H,W) in [0,1]."""
        image: Tensor = self.decoder(code)
        return image

    def selected(self) -> Tensor:
        """(K,) int64 positions in the flattened image; two units may have chosen the same one."""
        return self.selector.selected()

    def certainty(self) -> float:
        """Mean over the units of the highest probability, 1/d…1; near 1 training and selection agree."""
        return float(torch.softmax(self.selector.weight.detach(), dim=1).amax(1).mean())

    def noisy(self, x: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
        """(B,C,H,W) reconstruction as training sees it: one Gumbel-softmax draw for the batch, and dropout.

        Args:
            x: (B,C,H,W).
            temperature: > 0.
            generator: where all randomness is from, on the CPU.
        """
        hidden = x.flatten(1) @ self.selector.sample(temperature, generator).T
        for layer in self.decoder:
            hidden = layer(hidden)
            if isinstance(layer, nn.LeakyReLU):
                hidden = dropout(hidden, DROPPED, generator)
        return hidden


def temperature(progress: float) -> float:
    """10·(0.1/10)^progress, for the share of the training that is done, in [0,1] [Abid et al., sec. 3.2]."""
    check_number(progress, "progress", low=0, high=1)
    return float(FIRST_TEMPERATURE * (LAST_TEMPERATURE / FIRST_TEMPERATURE) ** progress)


def dropout(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """x with each value set to 0 with probability ``share``, the others divided by 1 − share."""
    kept = torch.rand(x.shape, generator=generator) >= share
    return x * kept.to(x.device) / (1 - share)
