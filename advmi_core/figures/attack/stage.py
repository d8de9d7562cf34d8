"""Payload of the stage in the browser for one image, as JSON-serialisable values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advmi_core.figures.attack.trajectory import Trajectory, loop_title
from advmi_core.figures.encode import GAINS, base64_of, default_gain, pixels, plain

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """What a classifier says along a trail.

    Attributes:
        probs0: (n,) probabilities on x; ``probs``: (F,n) on every frame.
        classes: n names.
        truth: label of x; ``truth_known`` is False where it is the model's own first answer.
        target: wanted class of a targeted attack.
    """

    probs0: Floats
    probs: Floats
    classes: Sequence[str]
    truth: int
    truth_known: bool = True
    target: int | None = None

    def payload(self) -> dict[str, Any]:
        """The part of the stage that is about classes."""
        return {
            "kind": "classification",
            "classes": list(self.classes),
            "truth": self.truth,
            "truth_tag": "true" if self.truth_known else "taken",
            "target": self.target,
            "probs0": plain(self.probs0),
            "probs": [plain(row) for row in self.probs],
        }


@dataclass(frozen=True)
class Rebuilt:
    """What an autoencoder makes of x, (C,H,W), and of every frame, (F,C,H,W)."""

    of_x: Floats
    of_frames: Floats

    def losses(self, x: Floats) -> tuple[float, Floats]:
        """‖x − Φ(x)‖² and, for every frame, ‖x − Φ(x̃)‖²."""
        before = float(np.square(x - self.of_x).sum())
        return before, np.square(x[None] - self.of_frames).sum(axis=(1, 2, 3))

    def payload(self, x: Floats) -> dict[str, Any]:
        """The part of the stage that is about reconstructions."""
        before, after = self.losses(x)
        return {
            "kind": "reconstruction",
            "reconstructed": base64_of(pixels(self.of_x)),
            "reconstruction": base64_of(pixels(self.of_frames)),
            "loss0": float(f"{before:.5g}"),
            "losses": plain(after),
        }


def payload(
    trail: Trajectory, reading: Prediction | Rebuilt, *, key: str, live: bool = False, idle: bool = False,
    gain: int | None = None, large: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Everything the stage draws.

    Args:
        trail: the image's way.
        reading: the model's answers to the frames of ``trail``.
        key: changes when another run or image is shown; the viewer's position is kept while it stays.
        live: the run goes on, follow its latest iterate; ``idle``: it has not started.
        gain: of the shown perturbation; None picks the strongest one that does not saturate.
        large: type for a projector.
    """
    change = trail.frames - trail.x[None]
    scale = float(np.abs(change).max()) or 1.0
    about = reading.payload() if isinstance(reading, Prediction) else reading.payload(trail.x)
    return {
        **about,
        "key": key,
        "live": live,
        "idle": idle,
        "large": large,
        "shape": list(trail.x.shape),
        "x": base64_of(pixels(trail.x)),
        "steps": trail.steps.tolist(),
        "scale": scale,
        "delta": base64_of(np.round(127 * np.moveaxis(change, 1, -1) / scale).astype(np.int8)),
        "curves": {"step": trail.curve_steps.tolist(), **{n: plain(v) for n, v in trail.curves.items()}},
        "loop": loop_title(trail.loop_term),
        "total": trail.total,
        "best": trail.best,
        "gain": gain if gain in GAINS else default_gain(scale),
        "gains": list(GAINS),
    }
