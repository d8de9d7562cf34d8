"""The columns of the robustness tables: which attacks, with which parameters [NAMID, sec. 4.1 and 4.2]."""

from __future__ import annotations

from advmi_core.attacks import CW, DDN, FWA, PGD, TIDIM, Attack, AutoAttack
from advmi_core.attacks.core.ball import NORMS
from advmi_core.attacks.fwa import NAMID_STEP
from advmi_core.validate import check_choice, check_number

NONE = "None"
"""The column without an attack."""
AUTOATTACK = "AA"
LABELS: dict[str, tuple[str, ...]] = {
    "linf": (NONE, "PGD-40", AUTOATTACK, "FWA-40", "TI-DIM"),
    "l2": (NONE, "PGD-40", "CW", "DDN"),
}
"""Norm → the published columns."""
GUARDS = ("PGD-1", "PGD-10", "PGD-40", "PGD-100", "PGD-40 ×5")
"""Each but the last goes on from where the one before ends, so accuracy falls along them; it has to level
off. The last is PGD-40 and four more starts."""

Column = tuple[Attack, ...]
"""Attacks in turn, each on the images that all before it left right; () is no attack."""

_RESTARTS = 5


def suite(eps: float, norm: str = "linf") -> dict[str, Column]:
    """Label → column, the published ones of the norm first, then the guards that they do not have.

    PGD ascends the cross entropy by steps of ε/4 from a random start. PGD, FWA and TI-DIM look at x̃ before
    they move it, so ``steps`` is one more than the label's moves: the x̃ of the last move is judged as well.
    PGD has no restarts of its own: ``PGD-40 ×5`` is PGD-40 from five seeds, and an image is right if it is
    right under all of them. FWA's ε is a length in pixels, not a grey level; it has the same number.
    With the published γ forty of its steps use a quarter of ε: published as the strongest column on
    CIFAR-10, it is a weak one on Fashion-MNIST.

    Args:
        eps: ε ≥ 0, pixels lie in [0,1].
        norm: ``"linf"`` or ``"l2"``.

    Raises:
        ValueError: ε or the norm is not as stated.
    """
    check_number(eps, "eps", low=0)
    check_choice(norm, "norm", NORMS)

    def pgd(moves: int, seed: int = 0) -> Attack:
        return PGD(eps=eps, norm=norm, steps=moves + 1, loss="ce", seed=seed, mi_steps=0)

    known: dict[str, Column] = {
        NONE: (),
        AUTOATTACK: (AutoAttack(eps=eps, norm=norm, mi_steps=0),),
        "FWA-40": (FWA(eps=eps, steps=41, step_size=NAMID_STEP, mi_steps=0),),
        "TI-DIM": (TIDIM(eps=eps, norm=norm, steps=41, mi_steps=0),),
        "CW": (CW(eps=eps, steps=20, step_size=0.01, mi_steps=0),),
        "DDN": (DDN(eps=eps, steps=20, mi_steps=0),),
        **{f"PGD-{moves}": (pgd(moves),) for moves in (1, 10, 40, 100)},
        "PGD-40 ×5": tuple(pgd(40, seed) for seed in range(_RESTARTS)),
    }
    return {label: known[label] for label in labels(norm)}


def labels(norm: str) -> tuple[str, ...]:
    """All labels of a norm, in the order of ``suite``."""
    check_choice(norm, "norm", NORMS)
    return (*LABELS[norm], *(label for label in GUARDS if label not in LABELS[norm]))
