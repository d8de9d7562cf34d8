"""One gradient step of a defence; every forward pass of it is done once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from advmi_core.defenses import losses
from advmi_core.defenses.inner import craft
from advmi_core.defenses.parallel import Ranks
from advmi_core.defenses.records import LossTerms
from advmi_core.defenses.spec import MOMENTUM, DefenseSpec
from advmi_core.memory import whole_batch
from advmi_core.mi.local.dim import selected
from advmi_core.mi.local.estimators import LocalEstimators
from advmi_core.models import Network
from advmi_core.models.folding import folded
from advmi_core.models.state import copy_state, restore_state
from advmi_core.models.statistics import statistics_kept


class DefenseLearner:
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
        self.network.to(device=device, memory_format=layout)  # type: ignore[call-overload]
        self.spec, self.estimators, self.device, self.ranks, self.layout = (
            spec, estimators, device, ranks, layout,
        )  # fmt: skip
        self.optimizer = torch.optim.SGD(
            network.parameters(), spec.lr, momentum=MOMENTUM, weight_decay=spec.weight_decay
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
            norm=spec.norm, loss=spec.method.inner_loss if loss is None else loss, watch=watch,
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
            self.optimizer.zero_grad()
            torch.autograd.backward(loss)
        self._average(parts)
        if self.spec.clip:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.spec.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        return LossTerms(*parts.tolist())

    def loss(self, x: Tensor, x_adv: Tensor, y: Tensor, strength: float = 1.0) -> tuple[Tensor, Tensor]:
        """The loss of images x and x̃ (B,C,H,W), and the detached values (6,) of ``LossTerms``."""
        method, unknown = self.spec.method, x.new_full((), torch.nan)
        clean = self._clean(x) if method.needs_clean else None
        attacked = self.logits(x_adv)
        base = self._base(clean, attacked, y)
        information, weight, chosen = unknown, 0.0, unknown
        if clean is not None:
            mask = selected(clean, attacked, y)
            chosen = mask.float().mean()
            if method.term == "namid":
                information, weight = self._namid(x, x_adv, clean, attacked, mask), self.spec.alpha
        if method.term == "wmim":
            assert self.estimators is not None  # the trainer saw to it
            information = -self.estimators.standard_of(x_adv, attacked).mean()
            weight = self.spec.wmim_weight
        total = base + strength * weight * information if method.term else base
        seen = [unknown if clean is None else hits(clean, y), hits(attacked, y)]
        values = [total, base, information, chosen, *seen]
        return total, torch.stack([value.detach() for value in values])

    def _clean(self, x: Tensor) -> Tensor:
        """h(x); where only the term of mutual information looks at it, x moves no running statistic.

        The model that x̃ is sought on, chosen by and tested with normalises by these. Standard AT's come from
        x̃ alone, and so do those of NAMID on top of it: at α = 0 every NAMID is its baseline.
        """
        if self.spec.method.base != "standard":
            return self.logits(x)
        with statistics_kept(self.network):
            return self.logits(x)

    def _base(self, clean: Tensor | None, attacked: Tensor, y: Tensor) -> Tensor:
        if clean is None or self.spec.method.base == "standard":
            return losses.standard(attacked, y)
        compare = losses.trades if self.spec.method.base == "trades" else losses.mart
        return compare(clean, attacked, y, self.spec.second_weight)

    def _namid(self, x: Tensor, x_adv: Tensor, clean: Tensor, attacked: Tensor, mask: Tensor) -> Tensor:
        assert self.estimators is not None  # the trainer saw to it
        rows = mask.nonzero().flatten()
        if not len(rows):
            return clean.new_zeros(())
        split = self.estimators.split(x, x_adv, clean, attacked, rows)
        return losses.namid_term(split, self.spec.penalty, self.spec.terms)

    def _average(self, parts: Tensor) -> None:
        gradients = [weight.grad for weight in self.network.parameters() if weight.grad is not None]
        running = [buffer for buffer in self.network.buffers() if buffer.is_floating_point()]
        self.ranks.average([*gradients, *running, parts])

    def state(self) -> dict[str, Tensor]:
        """Copies of weights, running statistics and momenta, on the CPU."""
        return copy_state({"network": self.network}, {"network": self.optimizer})

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from a ``state``."""
        restore_state({"network": self.network}, {"network": self.optimizer}, tensors)


def hits(logits: Tensor, y: Tensor) -> Tensor:
    """Share of the rows whose largest logit is that of y."""
    return (logits.argmax(1) == y).float().mean()
