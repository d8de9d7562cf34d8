"""One attack job of a page: these images, this model, this attack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from advmi_core.attacks.core.records import AttackResult, Step
from advmi_core.attacks.core.together import together
from advmi_core.jobs import Kin
from advmi_core.objectives import Classification, Reconstruction
from advmi_core.outputs import as_output
from advmi_core.run import Run
from advmi_core.ui import resources
from advmi_core.ui.attack import memory
from advmi_core.ui.widgets.images import Images
from advmi_core.ui.work import FEW

Kind = Literal["classification", "reconstruction"]


@dataclass(frozen=True)
class Task:
    """Everything one job of a page is about; travels with the job."""

    kind: Kind
    model: str
    images: Images
    classes: tuple[str, ...]
    attack: Any
    target: int | None = None

    @property
    def total(self) -> int:
        """Iterations of a complete run."""
        return int(self.attack.iterations)

    @cached_property
    def originals(self) -> NDArray[np.float32]:
        """(B,C,H,W) the images as an array."""
        return self.images.x.numpy()

    @cached_property
    def _outputs(self) -> dict[int, NDArray[np.float32]]:
        return {}

    def output(self, row: int) -> NDArray[np.float32]:
        """(…) the model's output on one original, computed once."""
        if row not in self._outputs:
            x = self.images.x[row : row + 1].to(resources.device())
            net = resources.model(self.model)
            with torch.no_grad():
                self._outputs[row] = as_output(net(x), x, net.name)[0].cpu().numpy()
        return self._outputs[row]

    def objective(self) -> Any:
        """The criterion that the attack works on."""
        net = resources.model(self.model)
        if self.kind == "reconstruction":
            return Reconstruction(net)
        target = None if self.target is None else torch.full_like(self.images.y, self.target)
        return Classification(net, self.images.y, target=target)

    def make_run(self) -> Run[Step, AttackResult]:
        """The attack, as the job manager wants it: with a record of every step, so that it can be stopped."""
        attack = self.attack
        if attack.batch_size is None and len(self.images) > 1:
            fitting = self.rows_at_once
            attack = replace(attack, batch_size=fitting) if fitting < len(self.images) else attack
        run: Run[Step, AttackResult] = attack.run(self.objective(), self.images.x)
        return run

    @cached_property
    def rows_at_once(self) -> int:
        """Images that are attacked at once: the machine is shared, and more of them are no faster."""
        return memory.rows(self.bytes_each)

    @cached_property
    def bytes_each(self) -> int:
        """Memory that one image takes while it is attacked."""
        first = self.images.only(torch.arange(len(self.images)) == 0)
        problem = replace(self, images=first).objective().on(first.x)
        return memory.bytes_each(self.model, problem, self.attack.critic_weights(problem))

    def kin(self) -> Kin | None:
        """Other visitors' tasks that make one batch with this one; None for a large one."""
        if len(self.images) >= FEW or self.attack.batch_size is not None or self.attack.critic != "compact":
            return None
        shape = tuple(self.images.x.shape[1:])
        key = (self.kind, self.model, self.attack, self.target is None, shape)
        return Kin(key, len(self.images), self, _make_runs)


def _make_runs(tasks: Sequence[Task]) -> list[Run[Step, AttackResult]]:
    return together(tasks[0].attack, [(task.objective(), task.images.x) for task in tasks])
