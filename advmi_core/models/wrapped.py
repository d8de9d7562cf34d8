"""Models that nobody here wrote: any module becomes a network with a shape, class names and a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from advmi_core.models.base import Autoencoder, Classifier, Network, Shape
from advmi_core.outputs import as_output, first_line
from advmi_core.validate import check_count, check_number


@dataclass(frozen=True)
class Facts:
    """What is known of a module beside its weights.

    Attributes:
        shape: (C,H,W) of one image; None where nobody said.
        mean, std: of each channel, or one number for all, by which images in [0,1] are normalised before the
            module sees them; empty where the module does so itself.
        classes: class names in the order of the logits; empty where nobody said.

    Raises:
        ValueError: a value is not as stated.
    """

    shape: Shape | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.shape is not None:
            if len(self.shape) != 3:
                raise ValueError(f"shape must be C,H,W such as 3,224,224, got {self.shape!r}")
            for value, letter in zip(self.shape, "CHW", strict=True):
                check_count(value, f"shape's {letter}")
        if bool(self.mean) != bool(self.std):
            lacking, given = ("std", "mean") if self.mean else ("mean", "std")
            raise ValueError(
                f"mean and std belong together: {given} is given, so give --{lacking} as well, one number a "
                "channel or one for all"
            )
        for mean, std in zip(self.mean, self.std, strict=False):
            check_number(mean, "mean")
            check_number(std, "std", low=0, above=True)
        for name, values in (("mean", self.mean), ("std", self.std)):
            if self.shape is not None and len(values) not in (0, 1, self.shape[0]):
                raise ValueError(
                    f"{name} must be one number or one a channel, {self.shape[0]}, got {len(values)}"
                )

    def filled(self, other: Facts) -> Facts:
        """These facts, and the other's where these say nothing."""
        mean, std = (self.mean, self.std) if self.mean else (other.mean, other.std)
        return replace(
            self, shape=self.shape or other.shape, mean=mean, std=std, classes=self.classes or other.classes
        )


def facts_of(module: nn.Module) -> Facts:
    """What a module says of itself in its attributes ``in_shape``, ``mean``, ``std`` and ``classes``."""
    shape, classes = (_listed(module, name) for name in ("in_shape", "classes"))
    return Facts(
        shape=(int(shape[0]), int(shape[1]), int(shape[2])) if len(shape) == 3 else None,
        mean=tuple(float(value) for value in _listed(module, "mean")),
        std=tuple(float(value) for value in _listed(module, "std")),
        classes=tuple(map(str, classes)),
    )


def _listed(module: nn.Module, name: str) -> list[Any]:
    value = getattr(module, name, ())
    if isinstance(value, Tensor):
        value = value.detach().flatten().tolist()
    if isinstance(value, int | float) and name in ("mean", "std"):
        value = [value]
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []


class _Inner(Protocol):
    inner: nn.Module
    mean: Tensor
    std: Tensor


def _normalised(network: _Inner, x: Tensor) -> Any:
    return network.inner((x - network.mean) / network.std)


def _hold(network: Network, inner: nn.Module, facts: Facts) -> None:
    network.inner = inner
    for name, values in (("mean", facts.mean or (0.0,)), ("std", facts.std or (1.0,))):
        network.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)


class WrappedClassifier(Classifier):
    """A module that returns logits, behind the normalisation that it wants.

    Attributes:
        inner: the module itself.
    """

    foreign = True
    inner: nn.Module
    mean: Tensor
    std: Tensor

    def __init__(self, inner: nn.Module, shape: Shape, classes: int, facts: Facts) -> None:
        super().__init__(shape, classes)
        _hold(self, inner, facts)
        self.class_names = facts.classes

    def forward(self, x: Tensor) -> Any:
        return _normalised(self, x)


class WrappedAutoencoder(Autoencoder):
    """A module that returns images of its input's shape in [0,1]."""

    foreign = True
    inner: nn.Module
    mean: Tensor
    std: Tensor

    def __init__(self, inner: nn.Module, shape: Shape, facts: Facts) -> None:
        super().__init__(shape)
        _hold(self, inner, facts)

    def forward(self, x: Tensor) -> Any:
        return _normalised(self, x)

    def encode(self, x: Tensor) -> Tensor:
        """The code, where the module has a method ``encode``; ValueError where it has none."""
        code: Tensor = self._own("encode")((x - self.mean) / self.std)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Images from their code, where the module has a method ``decode``; ValueError where it has none."""
        images: Tensor = self._own("decode")(code)
        return images

    def _own(self, name: str) -> Any:
        method = getattr(self.inner, name, None)
        if not callable(method):
            raise ValueError(f"{self.name or type(self.inner).__name__} has no method {name}")
        return method


Wrapped = WrappedClassifier | WrappedAutoencoder


def wrap(module: nn.Module, name: str, facts: Facts | None = None, origin: str = "") -> Wrapped:
    """A network of a module: a classifier if it returns logits, an autoencoder if it returns images.

    It is named by its content: ``card["sha256"]`` is that of all weights, the normalisation and ``origin``.

    Args:
        module: takes images (B,C,H,W), in [0,1] or normalised by ``facts``' mean and std.
        name: what people call it.
        facts: what the module does not say itself; they go before what it says.
        origin: whatever else its answers depend on, such as the text of the file that built it.

    Raises:
        ValueError: nobody said the shape, or the module cannot take it, or returns neither.
    """
    facts = (facts or Facts()).filled(facts_of(module))
    if facts.shape is None:
        raise ValueError(
            f"nobody said what images {name} takes: give --shape C,H,W such as --shape 3,224,224, or the "
            "module an attribute in_shape"
        )
    shape = facts.shape
    network = _kind(module.eval(), name, shape, facts)
    network.name = name
    network.card = {
        "model": name,
        "shape": list(shape),
        "classes": getattr(network, "classes", 0),
        "parameters": sum(weight.numel() for weight in module.parameters()),
        "sha256": content_hash(module, facts, origin),
        "dataset": {"name": ""},
        "metrics": {},
    }
    return network.freeze()


def _kind(module: nn.Module, name: str, shape: Shape, facts: Facts) -> Wrapped:
    as_images = WrappedAutoencoder(module, shape, facts)
    image = torch.full((1, *shape), 0.5)
    held = next(iter(module.parameters()), None)
    try:
        with torch.no_grad():
            returned = as_images(image if held is None else image.to(held.device))
    except Exception as error:  # a module may say in any way that it cannot take the images
        sides = "×".join(map(str, shape))
        raise ValueError(
            f"{name} cannot take images of {sides}; name the right shape with --shape ({first_line(error)})"
        ) from error
    output = as_output(returned, image if held is None else image.to(held.device), name)
    if tuple(output.shape[1:]) == shape:
        return as_images
    if output.ndim != 2 or output.shape[1] < 2:
        raise ValueError(
            f"{name} must return logits (B,classes ≥ 2) or images of its input's shape, got shape "
            f"{tuple(output.shape)} for one image"
        )
    classes = output.shape[1]
    if facts.classes and len(facts.classes) != classes:
        raise ValueError(
            f"{name} returns {classes} logits but has {len(facts.classes)} class names; name one a logit"
        )
    return WrappedClassifier(module, shape, classes, facts)


def content_hash(module: nn.Module, facts: Facts, origin: str = "") -> str:
    """sha256 of a module's weights and buffers, its normalisation, and ``origin``."""
    found = hashlib.sha256(repr((facts.shape, facts.mean, facts.std, origin)).encode())
    for key, value in sorted(module.state_dict().items()):
        if isinstance(value, Tensor):
            found.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
            flat = value.detach().cpu().contiguous().reshape(-1)
            found.update(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    return found.hexdigest()
