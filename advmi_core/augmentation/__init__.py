"""UAEs as data augmentation, and what they are compared with: a new image per training image [UAE, sec. 4.4].

``mine-uae`` finds images that reconstruct to the original at least as well as it does itself and share little
MI with it, by the published rule; ``solver-uae`` solves the same problem with the measure that is shown;
``l2-uae`` has the L2 distance in place of the MI; ``gaussian`` adds noise of a wanted length.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from advmi_core.augmentation.method import Augmentation
from advmi_core.augmentation.records import Augmented, AugmentStep
from advmi_core.augmentation.spec import METHODS
from advmi_core.augmentation.strength import DEFAULTS, Strength
from advmi_core.objectives import Objective

__all__ = ["DEFAULTS", "METHODS", "AugmentStep", "Augmentation", "Augmented", "Strength", "augment"]


def augment(
    method: str,
    model: nn.Module | Objective,
    x: Tensor,
    *,
    l2: Tensor | float | None = None,
    out: Path | None = None,
    **parameters: Any,
) -> Augmented:
    """One new image for each image of x, all at once; ``Augmentation.run`` gives records along the way.

    Args:
        method: one of ``METHODS``.
        model: an autoencoder, or the objective that the UAEs pursue.
        x: (N,C,H,W) float32 images in [0,1].
        l2: only for ``"gaussian"``: the wanted ‖x̃ − x‖₂ of each image (N,) or of all; None makes the
            MINE-UAEs of the same parameters and matches theirs.
        out: folder that keeps finished parts; the same call goes on from them.
        parameters: of ``Augmentation``.

    Raises:
        ValueError: an argument is not as stated.

    Example:
        >>> uaes = augment("mine-uae", models.load("ae-conv"), images.x[:8], steps=40)  # doctest: +SKIP
    """
    if method == "gaussian" and l2 is None:
        l2 = augment("mine-uae", model, x, out=out, **parameters).l2
    if l2 is None or isinstance(l2, Tensor):
        return Augmentation(method=method, **parameters).run(model, x, l2=l2, directory=out).drain()
    return Augmentation(method=method, l2=l2, **parameters).run(model, x, directory=out).drain()
