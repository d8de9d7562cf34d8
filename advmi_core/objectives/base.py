"""Base of the objectives: a frozen copy of the model, and a problem bound to images."""

from __future__ import annotations

import copy
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from advmi_core.device import compute_exactly
from advmi_core.memory import in_parts, out_of_memory
from advmi_core.outputs import as_output, check_differentiable, first_line, unsteady
from advmi_core.validate import check_images, check_number

_AT_ONCE = 256  # images of up to 3×64×64 that the model sees at once where no gradient is needed
_USUAL = 3 * 64 * 64


@dataclass(frozen=True)
class Evaluation:
    """One forward pass of a batch x̃.

    Attributes:
        criterion: (B,) f(x̃), differentiable.
        output: the model's logits (B,classes), reconstruction (B,C,H,W) or embeddings of V views (B,V,E),
            differentiable.
        maps: (B,K,h,w) first-layer feature maps after the ReLU, differentiable; None where nobody asked for
            them or the model does not start with a convolution.
        success: (B,) bool, adversarial by the model's own verdict.
        clear: (B,) bool, f(x̃) ≤ 0 by more than rounding, so that a fresh pass will agree.
    """

    criterion: Tensor
    output: Tensor
    maps: Tensor | None
    success: Tensor
    clear: Tensor

    def detached(self) -> Evaluation:
        """The same values without their graph."""
        return replace(self, criterion=self.criterion.detach(), output=self.output.detach(), maps=None)


class Objective(ABC):
    """A frozen private copy of the model, in eval mode; the caller's model is never touched.

    Args:
        model: maps images (B,C,H,W) in [0,1] to its output.
        kappa: margin κ ≥ 0 added to the criterion.
    """

    mi_sign: int

    def __init__(self, model: nn.Module, kappa: float = 0.0) -> None:
        check_number(kappa, "kappa", low=0)
        self.kappa = float(kappa)
        self.model = _copy(model).eval()
        for weight in self.model.parameters():  # a scripted module has no requires_grad_ of its own
            weight.requires_grad_(False)
        self.name = str(getattr(model, "name", type(model).__name__))
        held = next(chain(self.model.parameters(), self.model.buffers()), None)
        self.device = held.device if held is not None else torch.device("cpu")
        compute_exactly(self.device)
        self._seen = threading.local()
        self._stem = _first_convolution(self.model)
        self._stem_sees_images = self._stem is not None
        if self._stem is not None:
            self._stem.register_forward_hook(self._remember)

    def _remember(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if getattr(self._seen, "wanted", False):  # who calls the model itself wants no maps
            self._seen.maps, self._seen.wanted = torch.relu(output.float()), False

    @property
    def has_maps(self) -> bool:
        """Whether the model starts with a convolution, whose maps are the samples of per-sample MINE.

        Images may show that it does not after all: one that stacks them with their mirror images, say, has
        no maps of its own for each.
        """
        return self._stem_sees_images

    def forward(self, x: Tensor, with_maps: bool = False) -> tuple[Tensor, Tensor | None]:
        """The model's output and, if asked for, its first-layer maps after the ReLU, from one pass."""
        return self._pass(x, with_maps)

    def _pass(self, images: Tensor, with_maps: bool = False) -> tuple[Tensor, Tensor | None]:
        """The model's output, and the maps of these images if the first convolution saw them one by one."""
        self._seen.maps, self._seen.wanted = None, with_maps
        try:
            returned = self.model(images)
        except Exception as error:  # a model may say in any way that it cannot take the images
            if out_of_memory(error):
                raise
            raise self._refused(images, error) from error
        output = as_output(returned, images, self.name)
        maps, self._seen.maps = self._seen.maps, None
        fits = maps is not None and maps.ndim == 4 and len(maps) == len(images)
        return output, maps if fits else None

    def _refused(self, images: Tensor, error: Exception) -> ValueError:
        wanted = getattr(self.model, "in_shape", None)
        hint = f", the model wants (B,{','.join(map(str, wanted))})" if wanted else ""
        said = f"x has shape {tuple(images.shape)}, which {self.name} cannot take{hint}"
        return ValueError(f"{said} ({first_line(error)})")

    def features(self, x: Tensor) -> Tensor:
        """(B,K,h,w) first-layer feature maps after the ReLU, on the model's device.

        Raises:
            ValueError: the model does not start with a convolution.
        """
        maps = self.forward(x.to(self.device), with_maps=True)[1]
        if maps is None:
            raise ValueError(f"sampling by convolution needs a model that starts with one, got {self.name}")
        return maps

    def on(self, x: Tensor) -> Problem:
        """Check the images against the model and bind the objective to them.

        Raises:
            ValueError: x is not a batch of images in [0,1], or the model cannot take it.
        """
        x = check_images(x).detach().to(self.device)
        with torch.no_grad():
            output, maps = self.forward(x[:1], with_maps=True)
        self._stem_sees_images = maps is not None
        self._check(x, output)
        self._lay_out(x[:1], output)
        with torch.no_grad():
            size = max(1, min(_AT_ONCE, _AT_ONCE * _USUAL // x[0].numel()))
            parts = in_parts(lambda rows: self.forward(x[rows])[0], len(x), size, self.device)
        clean = torch.cat(parts)
        return Problem(self, x, clean, self._reference(x, clean), self._oddities(x, output, clean))

    def unit(self, clean: Tensor) -> Tensor:
        """(B,) ≥ 1 by which the criterion is divided where a weight c meets it; see ``Problem.unit``."""
        return torch.ones(len(clean), device=clean.device)

    def _oddities(self, x: Tensor, alone: Tensor, clean: Tensor) -> tuple[str, ...]:
        """Sentences on what is odd about the model; at most three more passes of one image."""
        with torch.no_grad():
            again = self.forward(x[:1])[0]
            in_company: Tensor | None = clean[:1]
            if len(x) == 1:
                try:
                    in_company = self.forward(torch.cat([x, 1 - x]))[0][:1]
                except ValueError:  # it takes single images only
                    in_company = None
        told = (unsteady(alone, again, in_company), self._odd_output(clean))
        return tuple(sentence for sentence in told if sentence)

    def _odd_output(self, clean: Tensor) -> str | None:
        """A sentence if the outputs (B,…) are of a kind that the objective does not expect."""
        return None

    def _lay_out(self, image: Tensor, output: Tensor) -> None:
        """Keep the filters channels last on a CPU, which convolves and pools a tenth faster so.

        Only the order of numbers in memory changes, no layer; a model that cannot take that order, because it
        views its maps as rows, say, stays as it is.
        """
        if self.device.type != "cpu" or not any(isinstance(part, nn.Conv2d) for part in self.model.modules()):
            return
        try:
            self.model.to(memory_format=torch.channels_last)
            with torch.no_grad():
                laid_out = self.forward(image)[0]
            # As torch.testing.assert_close does for float32, whose first call takes a second to import.
            same = laid_out.shape == output.shape and torch.allclose(laid_out, output, rtol=1.3e-6, atol=1e-5)
        except (RuntimeError, ValueError):
            same = False
        if not same:
            self.model.to(memory_format=torch.contiguous_format)

    @abstractmethod
    def _check(self, x: Tensor, output: Tensor) -> None:
        """Raise ValueError if the model's output on the first image does not fit the objective."""

    @abstractmethod
    def _reference(self, x: Tensor, clean: Tensor) -> Tensor:
        """(B,…) what the criterion compares with."""

    @abstractmethod
    def judge(self, x: Tensor, output: Tensor, reference: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Criterion, success and clear success, each (B,), of the model's output on x̃."""

    @abstractmethod
    def loss(self, output: Tensor, reference: Tensor) -> Tensor:
        """(B,) log odds to descend, see ``log_odds``; ValueError where the objective has none."""

    @abstractmethod
    def correct(self, clean: Tensor, reference: Tensor) -> Tensor:
        """(B,) bool: the model was right before the attack."""

    @abstractmethod
    def scale(self, reference: Tensor) -> Tensor:
        """(B,) the natural unit of the criterion."""

    @abstractmethod
    def spec(self) -> dict[str, Any]:
        """JSON-serialisable description."""


@dataclass(frozen=True)
class Problem:
    """An objective bound to images: x (B,C,H,W), the model's output on them, and the reference.

    ``warnings`` are sentences for the user on what is odd about the model.
    """

    objective: Objective
    x: Tensor
    clean: Tensor
    reference: Tensor
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: slice) -> Problem:
        """The same problem on some of the images."""
        return replace(self, x=self.x[rows], clean=self.clean[rows], reference=self.reference[rows])

    def evaluate(self, x_adv: Tensor, with_maps: bool = False) -> Evaluation:
        """One forward pass; differentiable with respect to ``x_adv`` where gradients are enabled."""
        output, maps = self.objective.forward(x_adv, with_maps)
        criterion, success, clear = self.objective.judge(self.x, output, self.reference)
        return Evaluation(criterion, output, maps, success, clear)

    def check_differentiable(self) -> None:
        """Raise ValueError unless the first image's output has a gradient; one more pass of it."""
        image = self.x[:1].detach().requires_grad_()
        with torch.enable_grad():
            check_differentiable(self.objective.forward(image)[0], image, self.objective.name)

    def log_odds(self, evaluation: Evaluation) -> Tensor:
        """(B,) loss whose descent attacks by the cross entropy: the log odds of y, or minus the target's."""
        return self.objective.loss(evaluation.output, self.reference)

    @property
    def scale(self) -> Tensor:
        """(B,) the natural unit of the criterion: one logit, or the loss ‖x − Φ(x)‖² of the original."""
        return self.objective.scale(self.reference)

    @property
    def unit(self) -> Tensor:
        """(B,) ≥ 1: what a weight c of the criterion is given for, so that c and steps suit a model too sure.

        1 but for classifiers whose logits on x are spread over more than ``WIDEST`` nats.
        """
        return self.objective.unit(self.clean)

    @property
    def correct(self) -> Tensor:
        """(B,) bool: the model was right on x."""
        return self.objective.correct(self.clean, self.reference)


def _first_convolution(model: nn.Module) -> nn.Conv2d | None:
    """The model's first layer with weights, if that is a 2-D convolution."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            return module
        if any(True for _ in module.parameters(recurse=False)):
            return None
    return None


def _copy(model: nn.Module) -> nn.Module:
    """A private copy; tensors that a layer computed from its weights, as weight norm does, lose their graph.

    Raises:
        ValueError: the model holds what cannot be copied.
    """
    computed = {
        id(value): value.detach().clone()
        for module in model.modules()
        for value in vars(module).values()
        if isinstance(value, Tensor) and not value.is_leaf
    }
    try:
        with torch.no_grad():  # or the weights of a scripted module's copy are computed from the model's own
            return copy.deepcopy(model, computed)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"model must be one that copy.deepcopy can copy, got {error}") from error
