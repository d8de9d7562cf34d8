"""Names of the thousand classes of ImageNet-1K, in the order of every published network's logits."""

from __future__ import annotations

from functools import cache

from advmi_core import paths


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The names, all different, as torchvision has them."""
    text = (paths.assets() / "data" / "imagenet-classes.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())
