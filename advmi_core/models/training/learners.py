"""One gradient step of every kind of network: classifiers, autoencoders, a contrastive encoder."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from advmi_core.memory import whole_batch
from advmi_core.models.base import Autoencoder, Classifier, Network
from advmi_core.models.networks.autoencoders import AdversarialAutoencoder, Discriminator
from advmi_core.models.networks.concrete import ConcreteAutoencoder, temperature
from advmi_core.models.networks.simclr import SimCLR, pair_loss
from advmi_core.models.registry import initialise
from advmi_core.models.training.learner import NETWORK, Learner
from advmi_core.models.training.spec import TrainSpec

SELECTOR_RATE = 10.0
"""How much faster than its decoder a concrete autoencoder's selector learns: its logits have far to go."""
SPARSITY_TARGET = 0.1
"""Wanted mean activation of a code unit of the sparse autoencoder (METHODS §3)."""


def kl_sparsity(code: Tensor, target: float = SPARSITY_TARGET) -> Tensor:
    """Mean over the units of KL(target ‖ mean activation of the unit over the batch), in nats.

    Args:
        code: (B,U) activations in (0,1).
        target: wanted mean activation, in (0,1).

    Returns:
        A scalar ≥ 0; 0 when every unit's mean activation is the target.
    """
    mean = code.mean(0).clamp(1e-6, 1 - 1e-6)
    return (
        target * (math.log(target) - mean.log()) + (1 - target) * (math.log(1 - target) - (1 - mean).log())
    ).mean()


class NetworkLearner(Learner, ABC):
    """A network of ``MODELS`` with its optimiser; ``step`` learns from one batch.

    Args:
        network: the model to train, gradients on.
        spec: optimiser and its parameters.
        device: where it learns.
        helpers: further modules that are trained beside it, by name.

    Attributes:
        progress: share of the training that is done, in [0,1]; whoever calls ``step`` keeps it up to date.
    """

    def __init__(self, network: Network, spec: TrainSpec, device: torch.device, **helpers: nn.Module) -> None:
        super().__init__({NETWORK: network, **helpers}, partial(_optimizer, spec), device)
        self.network, self.spec, self.progress = network, spec, 0.0

    @abstractmethod
    def step(
        self, x: Tensor, y: Tensor, lr: float, generator: torch.Generator, target: Tensor | None = None
    ) -> float:
        """Learn from a batch x (B,C,H,W), y (B,) at this learning rate; returns the loss before the step.

        An autoencoder learns to rebuild ``target`` (B,C,H,W) from x, by default x itself; a classifier has
        its labels and ignores it.
        """


class LossLearner(NetworkLearner):
    """Follows the gradient of one loss.

    Attributes:
        whole: why a batch cannot be learnt in parts, "" where it can.
    """

    whole = ""

    @abstractmethod
    def loss(self, x: Tensor, y: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """The mean loss of a batch, or of its rows where it may be learnt in parts."""

    def step(
        self, x: Tensor, y: Tensor, lr: float, generator: torch.Generator, target: Tensor | None = None
    ) -> float:
        """One step along the loss."""
        wanted = x if target is None else target
        if self.whole:
            with whole_batch(len(x), self.whole):
                return self.descend(NETWORK, self.loss(x, y, wanted, generator), lr)
        return self.descend_in_parts(
            lambda rows: self.loss(x[rows], y[rows], wanted[rows], generator), len(x), lr
        )


class ClassifierLearner(LossLearner):
    """Cross entropy, with label smoothing if the spec says so."""

    def __init__(self, network: Network, spec: TrainSpec, device: torch.device) -> None:
        super().__init__(network, spec, device)
        if any(isinstance(layer, _BatchNorm) for layer in network.modules()):
            self.whole = "batch normalisation looks at all of it"

    def loss(self, x: Tensor, y: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """The mean cross entropy."""
        return functional.cross_entropy(self.network(x), y, label_smoothing=self.spec.smoothing)


class AutoencoderLearner(LossLearner):
    """Mean squared error per pixel, plus ``sparsity`` times the KL term."""

    network: Autoencoder

    def __init__(self, network: Network, spec: TrainSpec, device: torch.device) -> None:
        super().__init__(network, spec, device)
        if spec.sparsity:
            self.whole = "the sparsity term looks at its mean activations"

    def loss(self, x: Tensor, y: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """MSE + sparsity · mean KL(0.1 ‖ mean activation)."""
        code = self.network.encode(x)
        error = functional.mse_loss(self.network.decode(code), target)
        return error + self.spec.sparsity * kl_sparsity(code) if self.spec.sparsity else error


class AdversarialLearner(NetworkLearner):
    """Reconstruction while the encoder makes its codes pass for draws from N(0,1) (Makhzani et al. 2015)."""

    network: AdversarialAutoencoder

    def __init__(self, network: AdversarialAutoencoder, spec: TrainSpec, device: torch.device) -> None:
        with torch.device("meta"):  # torch's own initialisation would consume the global random state
            discriminator = Discriminator(network.latent)
        self.discriminator = discriminator.to_empty(device="cpu")
        initialise(self.discriminator, torch.Generator().manual_seed(spec.seed + 1))
        super().__init__(network, spec, device, discriminator=self.discriminator)

    def step(
        self, x: Tensor, y: Tensor, lr: float, generator: torch.Generator, target: Tensor | None = None
    ) -> float:
        """One step of the discriminator, then one of the autoencoder; returns the reconstruction error."""
        with whole_batch(len(x), "the discriminator learns from all of it before the encoder does"):
            code = self.network.encode(x)
            prior = torch.randn(code.shape, generator=generator).to(code.device)
            real, fake = self.discriminator(prior), self.discriminator(code.detach())
            self.descend("discriminator", (_pass_for(real, 1.0) + _pass_for(fake, 0.0)) / 2, lr)
            error = functional.mse_loss(self.network.decode(code), x if target is None else target)
            fooled = _pass_for(self.discriminator(code), 1.0)
            self.descend(NETWORK, error + self.spec.adversary * fooled, lr)
            return float(error.detach())


class ConcreteLearner(LossLearner):
    """Squared error of the noisy reconstruction, colder and colder as the training goes on."""

    network: ConcreteAutoencoder
    whole = "its noise is drawn for all of it"

    def loss(self, x: Tensor, y: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """The MSE at the temperature of ``progress``."""
        return functional.mse_loss(self.network.noisy(x, temperature(self.progress), generator), target)


class ContrastiveLearner(LossLearner):
    """NT-Xent between two random views of every image."""

    network: SimCLR
    whole = "its images are one another's negatives"

    def loss(self, x: Tensor, y: Tensor, target: Tensor, generator: torch.Generator) -> Tensor:
        """NT-Xent; a view of ``target`` is the partner of a view of x, by default x's own."""
        return pair_loss(self.network, x, target, generator)


def learner(network: Network, spec: TrainSpec, device: torch.device) -> NetworkLearner:
    """The learner that suits the network and the spec."""
    if isinstance(network, Classifier):
        return ClassifierLearner(network, spec, device)
    if isinstance(network, AdversarialAutoencoder) and spec.adversary:
        return AdversarialLearner(network, spec, device)
    if isinstance(network, ConcreteAutoencoder):
        return ConcreteLearner(network, spec, device)
    if isinstance(network, SimCLR):
        return ContrastiveLearner(network, spec, device)
    return AutoencoderLearner(network, spec, device)


def _pass_for(logits: Tensor, label: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def _optimizer(spec: TrainSpec, module: nn.Module) -> torch.optim.Optimizer:
    groups: list[dict[str, Any]] = [{"params": list(module.parameters())}]
    if isinstance(module, ConcreteAutoencoder):
        groups = [
            {"params": list(module.selector.parameters()), "rate": SELECTOR_RATE},
            {"params": list(module.decoder.parameters())},
        ]
    if spec.optimizer == "sgd":
        return torch.optim.SGD(groups, spec.lr, momentum=0.9, nesterov=True, weight_decay=spec.weight_decay)
    return torch.optim.Adam(groups, spec.lr, weight_decay=spec.weight_decay)
