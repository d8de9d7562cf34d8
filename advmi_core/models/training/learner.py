"""Networks with their optimisers: the gradient step that every training takes."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

from advmi_core.memory import give_back, out_of_memory, say_smaller, slices
from advmi_core.models.state import copy_state, restore_state

_LOG = logging.getLogger(__name__)
NETWORK = "network"
"""The module that is trained, where there is one beside helpers."""


class Learner:
    """Modules and the optimiser of each.

    Args:
        modules: by name; moved to the device.
        optimizer: what makes the optimiser of a module.
        device: where they learn.
    """

    def __init__(
        self,
        modules: dict[str, nn.Module],
        optimizer: Callable[[nn.Module], torch.optim.Optimizer],
        device: torch.device,
    ) -> None:
        self.device = device
        self.modules = {name: module.to(device) for name, module in modules.items()}
        self.optimizers = {name: optimizer(module) for name, module in self.modules.items()}
        self._at_once = sys.maxsize

    def descend(self, which: str, loss: Tensor, lr: float) -> float:
        """One step of one optimiser along the gradient of ``loss``, whose value is returned."""
        self.optimizers[which].zero_grad()
        torch.autograd.backward(loss)
        self.move(which, lr)
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
            self.optimizers[NETWORK].zero_grad()
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
        self.move(NETWORK, lr)
        return float(torch.stack(values).sum())

    def move(self, which: str, lr: float) -> None:
        """One step of one optimiser along the gradients that are there."""
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
