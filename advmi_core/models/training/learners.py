"""One gradient step of a classifier, an autoencoder, and an adversarial autoencoder."""

from __future__ import annotations

import logging
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from advmi_core.memory import give_back, out_of_memory, say_smaller, slices, whole_batch
from advmi_core.models.base import Autoencoder, Classifier, Network
from advmi_core.models.networks.autoencoders import AdversarialAutoencoder, Discriminator
from advmi_core.models.networks.concrete import ConcreteAutoencoder, temperature
from advmi_core.models.networks.simclr import SimCLR, pair_loss
from advmi_core.models.registry import initialise
from advmi_core.models.state import copy_state, restore_state
from advmi_core.models.training.spec import TrainSpec

_LOG = logging.getLogger(__name__)
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


class Learner(ABC):
    """A network with its optimiser; ``step`` learns from one batch.

    Args:
        network: the model to train, gradients on.
        spec: optimiser and its parameters.
        device: where it learns.

    Attributes:
        progress: share of the training that is done, in [0,1]; whoever calls ``step`` keeps it up to date.
    """

    def __init__(self, network: Network, spec: TrainSpec, device: torch.device) -> None:
        self.network = network.to(device)
        self.spec, self.device = spec, device
        self._at_once = sys.maxsize
        self.progress = 0.0
        self.modules: dict[str, nn.Module] = {"network": self.network}
        self.optimizers = {"network": _optimizer(self.network, spec)}

    @abstractmethod
    def step(
        self, x: Tensor, y: Tensor, lr: float, generator: torch.Generator, target: Tensor | None = None
    ) -> float:
        """Learn from a batch x (B,C,H,W), y (B,) at this learning rate; returns the loss before the step.

        An autoencoder learns to rebuild ``target`` (B,C,H,W) from x, by default x itself; a classifier has
        its labels and ignores it.
        """

    def descend(self, which: str, loss: Tensor, lr: float) -> float:
        """One step of one optimiser along the gradient of ``loss``, whose value is returned."""
        self.optimizers[which].zero_grad()
        torch.autograd.backward(loss)
        self._move(which, lr)
        return float(loss.detach())

    def descend_in_parts(self, loss: Callable[[slice], Tensor], batch: int, lr: float) -> float:
        """One step along the mean over a batch of what ``loss`` gives as the mean over some of its rows.

        A batch that does not fit the memory is halved and the gradients are added up, which is the same step
        up to rounding; parts stay as small as they had to become.
        """

        def backward(rows: slice) -> Tensor:
            value: Tensor = loss(rows)
            share = (rows.stop - rows.start) / batch
            torch.autograd.backward(value if share == 1 else share * value)
            part: Tensor = value.detach() * share
            return part

        while True:
            self.optimizers["network"].zero_grad()
            try:
                values = [backward(rows) for rows in slices(batch, self._at_once)]
                break
            except (RuntimeError, MemoryError) as error:
                largest = min(batch, self._at_once)
                if largest == 1 or not out_of_memory(error):
                    raise
                self._at_once = largest // 2  # a backward pass may have failed halfway: all parts begin anew
            give_back(self.device)
            _LOG.warning(say_smaller(self._at_once))
        self._move("network", lr)
        return float(torch.stack(values).sum())

    def _move(self, which: str, lr: float) -> None:
        optimizer = self.optimizers[which]
        for group in optimizer.param_groups:
            group["lr"] = lr * group.get("rate", 1.0)
        optimizer.step()

    def state(self) -> dict[str, Tensor]:
        """Copies of all weights and optimiser moments, on the CPU."""
        return copy_state(self.modules, self.optimizers)

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from a ``state``."""
        restore_state(self.modules, self.optimizers, tensors)


class ClassifierLearner(Learner):
    """Cross entropy, with label smoothing if the spec says so."""

    def step(
        self, x: Tensor, y: Tensor, lr: float, generator: torch.Generator, target: Tensor | None = None
    ) -> float:
        """One step along the batch's mean cross entropy."""

        def loss(rows: slice) -> Tensor:
            return functional.cross_entropy(
                self.network(x[rows]), y[rows], label_smoothing=self.spec.smoothing
            )

        if _mixes_images(self.network):
            with whole_batch(len(x), "batch normalisation looks at all of it"):
                return self.descend("network", loss(slice(0, len(x))), lr)
        return self.descend_in_parts(loss, len(x), lr)


class AutoencoderLearner(Learner):
    """Mean squared error per pixel, plus ``sparsity`` times the KL term."""

    network: Autoencoder

    def step(
        self, x: Tensor, y: Tensor, lr: float, generator: torch.Generator, target: Tensor | None = None
    ) -> float:
        """One step along MSE + sparsity · mean KL(0.1 ‖ mean activation)."""
        wanted = x if target is None else target

        def loss(rows: slice) -> Tensor:
            code = self.network.encode(x[rows])
            error = functional.mse_loss(self.network.decode(code), wanted[rows])
            return error + self.spec.sparsity * kl_sparsity(code) if self.spec.sparsity else error

        if self.spec.sparsity:
            with whole_batch(len(x), "the sparsity term looks at its mean activations"):
                return self.descend("network", loss(slice(0, len(x))), lr)
        return self.descend_in_parts(loss, len(x), lr)


class AdversarialLearner(Learner):
    """Reconstruction while the encoder makes its codes pass for draws from N(0,1) (Makhzani et al. 2015)."""

    network: AdversarialAutoencoder

    def __init__(self, network: AdversarialAutoencoder, spec: TrainSpec, device: torch.device) -> None:
        super().__init__(network, spec, device)
        with torch.device("meta"):  # torch's own initialisation would consume the global random state
            discriminator = Discriminator(network.latent)
        self.discriminator = discriminator.to_empty(device="cpu")
        initialise(self.discriminator, torch.Generator().manual_seed(spec.seed + 1))
        self.discriminator.to(device)
        self.modules["discriminator"] = self.discriminator
        self.optimizers["discriminator"] = _optimizer(self.discriminator, spec)

    def step(
        self, x: Tensor, y: Tensor, lr: float, generator: torch.Generator, target: Tensor | None = None
    ) -> float:
        """One step of the discriminator, then one of the autoencoder; returns the reconstruction error."""
        with whole_batch(len(x), "the discriminator learns from all of it before the encoder does"):
            return self._play(x, x if target is None else target, lr, generator)

    def _play(self, x: Tensor, target: Tensor, lr: float, generator: torch.Generator) -> float:
        code = self.network.encode(x)
        prior = torch.randn(code.shape, generator=generator).to(code.device)
        real, fake = self.discriminator(prior), self.discriminator(code.detach())
        self.descend("discriminator", (_pass_for(real, 1.0) + _pass_for(fake, 0.0)) / 2, lr)
        error = functional.mse_loss(self.network.decode(code), target)
        fooled = _pass_for(self.discriminator(code), 1.0)
        self.descend("network", error + self.spec.adversary * fooled, lr)
        return float(error.detach())


class ConcreteLearner(Learner):
    """Squared error of the noisy reconstruction, colder and colder as the training goes on."""

    network: ConcreteAutoencoder

    def step(
        self, x: Tensor, y: Tensor, lr: float, generator: torch.Generator, target: Tensor | None = None
    ) -> float:
        """One step along the MSE at the temperature of ``progress``."""
        with whole_batch(len(x), "its noise is drawn for all of it"):
            seen = self.network.noisy(x, temperature(self.progress), generator)
            return self.descend("network", functional.mse_loss(seen, x if target is None else target), lr)


class ContrastiveLearner(Learner):
    """NT-Xent between two random views of every image."""

    network: SimCLR

    def step(
        self, x: Tensor, y: Tensor, lr: float, generator: torch.Generator, target: Tensor | None = None
    ) -> float:
        """One step along NT-Xent; a view of ``target`` is the partner of a view of x, by default x's own."""
        with whole_batch(len(x), "its images are one another's negatives"):
            loss = pair_loss(self.network, x, x if target is None else target, generator)
            return self.descend("network", loss, lr)


def learner(network: Network, spec: TrainSpec, device: torch.device) -> Learner:
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


def _mixes_images(network: nn.Module) -> bool:
    """Whether a layer in training mode normalises by its whole batch."""
    return any(isinstance(layer, _BatchNorm) for layer in network.modules())


def _pass_for(logits: Tensor, label: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def _optimizer(module: nn.Module, spec: TrainSpec) -> torch.optim.Optimizer:
    groups: list[dict[str, Any]] = [{"params": list(module.parameters())}]
    if isinstance(module, ConcreteAutoencoder):
        groups = [
            {"params": list(module.selector.parameters()), "rate": SELECTOR_RATE},
            {"params": list(module.decoder.parameters())},
        ]
    if spec.optimizer == "sgd":
        return torch.optim.SGD(groups, spec.lr, momentum=0.9, nesterov=True, weight_decay=spec.weight_decay)
    return torch.optim.Adam(groups, spec.lr, weight_decay=spec.weight_decay)
