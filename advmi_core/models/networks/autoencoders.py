"""The autoencoders under attack: dense (and sparse), convolutional, adversarial (METHODS §3)."""

from __future__ import annotations

import math

from torch import Tensor, nn

from advmi_core.models.base import Autoencoder, Shape

CODE = 128
"""Width of the dense autoencoder's code."""
LATENT = 32
"""Width of the adversarial autoencoder's code."""
HIDDEN = 1000
_DARK = -1.0  # the sigmoid's argument


class DenseAutoencoder(Autoencoder):
    """d → 128 sigmoid → d sigmoid. The sparse autoencoder is the same network trained to be sparse.

    Args:
        in_shape: (C,H,W) of the images; d = C·H·W.
    """

    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)
        pixels = math.prod(in_shape)
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, CODE), nn.Sigmoid())
        self.decoder = nn.Sequential(nn.Linear(CODE, pixels), nn.Sigmoid(), nn.Unflatten(1, in_shape))

    def encode(self, x: Tensor) -> Tensor:
        """(B,C,H,W) → (B,128) activations in (0,1)."""
        code: Tensor = self.encoder(x)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """(B,128) → (B,C,H,W) in [0,1]."""
        image: Tensor = self.decoder(code)
        return image


class ConvAutoencoder(Autoencoder):
    """conv5×5 16 → pool → conv3×3 8 → pool → 8 → up → 16 → up → C; ReLU inside, sigmoid at the end.

    Args:
        in_shape: (C,H,W) of the images; H and W must be multiples of 4 (two halvings, two doublings).

    Raises:
        ValueError: H or W is not a multiple of 4.
    """

    gain = math.sqrt(2)

    def __init__(self, in_shape: Shape) -> None:
        super().__init__(in_shape)
        channels, height, width = in_shape
        if height % 4 or width % 4 or min(height, width) < 4:
            raise ValueError(f"ae-conv takes sides that are multiples of 4, got {height}×{width}")
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, 16, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(16, channels, 3, padding=1),
            nn.Sigmoid(),
        )

    def begin(self) -> None:
        """Start from dark pictures, a pixel's value of 0.27.

        From grey ones every pixel of dark pictures asks for less at first, and the fastest way there is to
        silence the ReLUs for good: on MNIST that happened with every seed that was tried.
        """
        last = self.decoder[-2]
        assert isinstance(last, nn.Conv2d)  # as built above
        assert last.bias is not None
        nn.init.constant_(last.bias, _DARK)

    def encode(self, x: Tensor) -> Tensor:
        """(B,C,H,W) → (B,8,H/4,W/4), ≥ 0."""
        code: Tensor = self.encoder(x)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """(B,8,H/4,W/4) → (B,C,H,W) in [0,1]."""
        image: Tensor = self.decoder(code)
        return image


class AdversarialAutoencoder(Autoencoder):
    """d-1000-1000-latent and back, ReLU; a ``Discriminator`` shapes the code in training.

    Args:
        in_shape: (C,H,W) of the images; d = C·H·W.
        latent: width of the code.
    """

    def __init__(self, in_shape: Shape, latent: int = LATENT) -> None:
        super().__init__(in_shape)
        pixels = math.prod(in_shape)
        self.latent = latent
        self.encoder = nn.Sequential(nn.Flatten(), *_three_layers(pixels, latent))
        self.decoder = nn.Sequential(*_three_layers(latent, pixels), nn.Sigmoid(), nn.Unflatten(1, in_shape))

    def encode(self, x: Tensor) -> Tensor:
        """(B,C,H,W) → (B,latent), trained to look standard normal."""
        code: Tensor = self.encoder(x)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """(B,latent) → (B,C,H,W) in [0,1]."""
        image: Tensor = self.decoder(code)
        return image


class Discriminator(nn.Module):
    """latent-1000-1000-1: the logit of "this code was drawn from the prior". Used in training only."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_three_layers(latent, 1))

    def forward(self, code: Tensor) -> Tensor:
        """(B,latent) → (B,1) logits."""
        logits: Tensor = self.layers(code)
        return logits


def _three_layers(inputs: int, outputs: int) -> list[nn.Module]:
    return [
        nn.Linear(inputs, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, outputs),
    ]
