"""One gradient step of a defence; every forward pass of it is done once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from advmi_core.defenses.inner import craft
from advmi_core.defenses.methods import Batch
from advmi_core.defenses.parallel import Ranks
from advmi_core.defenses.records import LossTerms
from advmi_core.defenses.spec import MOMENTUM, DefenseSpec
from advmi_core.memory import whole_batch
from advmi_core.mi.local.dim import selected
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import Network
from advmi_core.models.folding import folded
from advmi_core.models.statistics import statistics_kept
from advmi_core.models.training.learner import NETWORK, Learner


class DefenseLearner(Learner):
    """A classifier with its optimiser, and the frozen estimators that its loss looks through.

    Several processes each take their rows of a batch; gradients and BN's running statistics are averaged
    after every step. BN normalises by the statistics of a process's own rows, and the estimators' negatives
    are its own rows too.

    Args:
        network: the model to train.
        spec: loss and optimiser.
        estimators: on the same device; None for a defence that has no term of mutual information.
        device: where it learns.
        ranks: this process among all.
    """

    def __init__(
        self,
        network: Network,
        spec: DefenseSpec,
        estimators: LocalEstimators | None,
        device: torch.device,
        ranks: Ranks,
    ) -> None:
        layout = torch.channels_last if spec.channels_last else torch.contiguous_format
        self.network: Network = network.train()
        self.network.to(memory_format=layout)
        self.spec, self.estimators, self.ranks, self.layout = spec, estimators, ranks, layout
        super().__init__({NETWORK: network}, self._optimizer, device)

    def _optimizer(self, module: nn.Module) -> torch.optim.Optimizer:
        spec = self.spec
        return torch.optim.SGD(
            module.parameters(), spec.lr, momentum=MOMENTUM, weight_decay=spec.weight_decay
        )

    def logits(self, x: Tensor) -> Tensor:
        """(B,classes) float32, computed in the spec's precision."""
        return self._logits(self.network, x)

    def _logits(self, network: Network, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=self.layout)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.spec.precision == "bfloat16"):
            out: Tensor = network(x)
        return out.float()

    def attack(
        self,
        x: Tensor,
        y: Tensor,
        noise: Tensor,
        *,
        loss: str | None = None,
        watch: Callable[[Tensor], object] | None = None,
    ) -> Tensor:
        """x̃ by the spec's PGD on the running model in evaluation mode, where images do not mix.

        Args:
            loss: what is ascended; None takes the defence's own.
            watch: is shown logits on the way, see ``craft``.
        """
        spec = self.spec
        return craft(
            partial(self._logits, folded(self.network)), x, y, noise, eps=spec.eps, steps=spec.steps,
            norm=spec.norm, loss=spec.method.base.inner if loss is None else loss, watch=watch,
        )  # fmt: skip

    def step(
        self, x: Tensor, y: Tensor, lr: float, generator: torch.Generator, strength: float = 1.0
    ) -> LossTerms:
        """Learn from a batch x (B,C,H,W), y (B,) that all processes have alike.

        Args:
            lr: learning rate.
            generator: of the noise that x̃ starts from.
            strength: share of the weight of the term of mutual information, in [0,1].

        Returns:
            Means over the whole batch, before the step.
        """
        noise = torch.rand(x.shape, generator=generator)
        x, y, noise = (self.ranks.shard(tensor).to(self.device) for tensor in (x, y, noise))
        needed = "batch normalisation and the term of mutual information look at all of it"
        with whole_batch(len(x), needed), torch.enable_grad():
            x_adv = self.attack(x, y, noise)
            loss, parts = self.loss(x, x_adv, y, strength)
            self.optimizers[NETWORK].zero_grad()
            torch.autograd.backward(loss)
        self._average(parts)
        if self.spec.clip:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.spec.clip)
        self.move(NETWORK, lr)
        return LossTerms(*parts.tolist())

    def loss(self, x: Tensor, x_adv: Tensor, y: Tensor, strength: float = 1.0) -> tuple[Tensor, Tensor]:
        """The loss of images x and x̃ (B,C,H,W), and the detached values (6,) of ``LossTerms``."""
        spec, method, unknown = self.spec, self.spec.method, x.new_full((), torch.nan)
        clean = self._clean(x) if method.needs_clean else None
        attacked = self.logits(x_adv)
        total = base = method.base.of(clean, attacked, y, spec.second_weight)
        mask = None if clean is None else selected(clean, attacked, y)
        information = unknown
        if method.term is not None:
            assert self.estimators is not None  # the trainer saw to it
            rows = None if mask is None else mask.nonzero().flatten()
            seen = Batch(x, x_adv, clean, attacked, rows, self.estimators)
            given = {name: getattr(spec, name) for name in method.term.parameters}
            information = method.term.of(seen, **given)
            total = base + strength * getattr(spec, method.term.weight) * information
        chosen = unknown if mask is None else mask.float().mean()
        right = unknown if clean is None else hits(clean, y)
        values = [total, base, information, chosen, right, hits(attacked, y)]
        return total, torch.stack([value.detach() for value in values])

    def _clean(self, x: Tensor) -> Tensor:
        """h(x); where only the term of mutual information looks at it, x moves no running statistic.

        The model that x̃ is sought on, chosen by and tested with normalises by these. Standard AT's come from
        x̃ alone, and so do those of NAMID on top of it: at α = 0 every NAMID is its baseline.
        """
        if self.spec.method.base.sees_clean:
            return self.logits(x)
        with statistics_kept(self.network):
            return self.logits(x)

    def _average(self, parts: Tensor) -> None:
        gradients = [weight.grad for weight in self.network.parameters() if weight.grad is not None]
        running = [buffer for buffer in self.network.buffers() if buffer.is_floating_point()]
        self.ranks.average([*gradients, *running, parts])


def hits(logits: Tensor, y: Tensor) -> Tensor:
    """Share of the rows whose largest logit is that of y."""
    return (logits.argmax(1) == y).float().mean()
