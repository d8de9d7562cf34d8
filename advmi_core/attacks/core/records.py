"""Attack result and per-step records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Step:
    """One iterate x̃ of the rows being attacked; every value belongs to this same x̃. All on the CPU.

    Attributes:
        step: steps of the whole run done so far, 1…``total``.
        total: steps of the whole run, all parts of a split batch together.
        rows: (b,) int64 positions in the caller's batch that this record covers.
        x_adv: (b,C,H,W) float32 in [0,1], the iterate.
        output: (b,…) the model's output on it, from the pass that gave the criterion.
        criterion: (b,) f(x̃); ≤ 0 means "adversarial example found".
        information: (b,) nats of this x̃ by ``Information``, the measure that pages show; NaN for images too
            small for patches.
        kept: (b,) the same as a share of what x has of itself: 1 is all, 0 none.
        mi: (b,) nats, the value inside the loop, which is the same for ``MinMax`` and what a critic that
            still learns says for others; NaN where the attack uses none.
        c: (b,) dual variable; NaN where the attack has none.
        gap: (b,) proximal gradient gap ‖δ − Π(δ − ∇F)‖₂, 0 at a stationary point; NaN where not computed.
        success: (b,) bool, this iterate is adversarial.
        found: (b,) bool, an adversarial iterate has been kept so far.
        loop_term: whose number ``mi`` is, a name of ``MI_TERMS``; "" where the attack uses none.
            ``mi_term.is_measure`` and ``mi_term.learns`` say of what kind it is.
    """

    step: int
    total: int
    rows: Tensor
    x_adv: Tensor
    output: Tensor
    criterion: Tensor
    information: Tensor
    kept: Tensor
    mi: Tensor
    c: Tensor
    gap: Tensor
    success: Tensor
    found: Tensor
    loop_term: str


@dataclass(frozen=True)
class AttackResult:
    """The best iterate of every row. Tensors live where the caller's images live.

    Attributes:
        x, x_adv: (B,C,H,W) float32 in [0,1].
        success: (B,) bool from a fresh forward pass on ``x_adv``; False flags a failed row, which
            holds the iterate with the smallest criterion.
        criterion: (B,) f(x̃) of ``x_adv``.
        mi: (B,) nats, measured afterwards by ``estimate_mi``'s default, alike for every attack (NaN if
            ``mi_steps=0``).
        information, kept: (B,) nats of ``x_adv`` by ``Information``, and the share of what x has of itself.
        mi_loop: (B,) nats, the value of the kept iterate inside the loop (biased by the selection;
            NaN where the attack uses none).
        loop_term: whose number that is, as in ``Step``.
        linf, l2: (B,) norms of x̃ − x.
        queries: (B,) int64 forward passes of the model per image.
        best_step: (B,) int64, the step whose iterate was kept; 0 if none.
        correct: (B,) bool, the model was right on x (True where there is no label).
        output, output_adv: the model's output on x and x̃ (logits or reconstruction).
        history: arrays over steps: criterion, mi, c, gap, and information, kept of the recorded steps, as in
            ``Step``; each (S,B), NaN where not reached or not recorded.
        spec: all parameters of attack and objective, JSON-serialisable.
        warnings: sentences for the user.
    """

    x: Tensor
    x_adv: Tensor
    success: Tensor
    criterion: Tensor
    mi: Tensor
    information: Tensor
    kept: Tensor
    mi_loop: Tensor
    loop_term: str
    linf: Tensor
    l2: Tensor
    queries: Tensor
    best_step: Tensor
    correct: Tensor
    output: Tensor
    output_adv: Tensor
    history: dict[str, NDArray[np.float32]]
    spec: dict[str, Any]
    warnings: tuple[str, ...] = field(default=())

    @property
    def asr(self) -> float:
        """Attack success rate in [0,1] over the initially correct images; NaN if there are none."""
        counted = self.success[self.correct]
        return float(counted.float().mean()) if len(counted) else float("nan")
