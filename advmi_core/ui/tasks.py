"""What a page asks of the core: these images, this model, this attack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from advmi_core.attacks.records import AttackResult, Step
from advmi_core.objectives import Classification, Reconstruction
from advmi_core.run import Run
from advmi_core.ui import resources

Kind = Literal["classification", "reconstruction"]
_FRAMES = 100


@dataclass(frozen=True)
class Images:
    """Chosen images.

    Attributes:
        x: (B,C,H,W) in [0,1].
        y: (B,) labels; where ``known`` is False, the model's own first answers.
        names: B short names.
        source: where they come from, for people.
    """

    x: Tensor
    y: Tensor
    known: bool
    names: tuple[str, ...]
    source: str

    def __len__(self) -> int:
        return len(self.names)

    def only(self, keep: Tensor) -> Images:
        """Those rows for which ``keep`` (B,) is True."""
        names = tuple(name for name, kept in zip(self.names, keep.tolist(), strict=True) if kept)
        return replace(self, x=self.x[keep], y=self.y[keep], names=names)


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
            with torch.no_grad():
                x = self.images.x[row : row + 1].to(resources.device())
                output: Tensor = resources.model(self.model)(x)
            self._outputs[row] = output[0].cpu().numpy()
        return self._outputs[row]

    def objective(self) -> Any:
        """The criterion that the attack works on."""
        net = resources.model(self.model)
        if self.kind == "reconstruction":
            return Reconstruction(net)
        target = None if self.target is None else torch.full_like(self.images.y, self.target)
        return Classification(net, self.images.y, target=target)

    def make_run(self) -> Run[Step, AttackResult]:
        """The attack, as the job manager wants it."""
        run: Run[Step, AttackResult] = self.attack.run(
            self.objective(), self.images.x, record_every=max(1, self.total // _FRAMES)
        )
        return run
