"""The seven defences by name: an adversarial loss, and what mutual information adds to it (METHODS §5).

A defence is a line of ``DEFENSES``. A new kind of term is a ``Term`` with its loss; its parameters are fields
of ``DefenseSpec``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from advmi_core.defenses import losses
from advmi_core.mi.local.estimators import LocalEstimators


@dataclass(frozen=True)
class AdversarialLoss:
    """L_adv.

    Attributes:
        of: logits h(x) and h(x̃) (B,classes), labels (B,) and the weight of a second term → mean in nats.
        sees_clean: whether it looks at h(x); ``of`` gets None for it otherwise.
        weight: published weight of its second term; 0 where it has none.
        inner: what x̃ ascends: TRADES its own divergence, the others the label's loss.
    """

    of: Callable[[Any, Tensor, Tensor, float], Tensor]
    sees_clean: bool = True
    weight: float = 0.0
    inner: str = "ce"


@dataclass(frozen=True)
class Batch:
    """What a term of mutual information sees.

    Attributes:
        x, x_adv: (B,C,H,W).
        clean, attacked: h(x) and h(x̃), (B,classes).
        rows: (m,) int64, those right on x and wrong on x̃; None where the term does not ask for h(x).
        estimators: of the training's target.
    """

    x: Tensor
    x_adv: Tensor
    clean: Tensor | None
    attacked: Tensor
    rows: Tensor | None
    estimators: LocalEstimators


@dataclass(frozen=True)
class Term:
    """What mutual information adds to the loss.

    Attributes:
        of: a batch, and the parameters by name → a scalar that is minimised.
        weight: the field of ``DefenseSpec`` that weighs it.
        parameters: the fields that ``of`` takes.
        sees_clean: whether it looks at h(x) and at the selected rows.
    """

    of: Callable[..., Tensor]
    weight: str
    parameters: tuple[str, ...] = ()
    sees_clean: bool = False


@dataclass(frozen=True)
class Defense:
    """What is minimised.

    Attributes:
        title: its name in tables.
        base: L_adv.
        paper: where it was published.
        term: the term of mutual information, seen through estimators; None for none.
        baseline: the key of the defence that it is without its term; None where it has none.
    """

    title: str
    base: AdversarialLoss
    paper: str
    term: Term | None = None
    baseline: str | None = None

    @property
    def needs_clean(self) -> bool:
        """Whether the loss looks at h(x) beside h(x̃)."""
        return self.base.sees_clean or (self.term is not None and self.term.sees_clean)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The fields of ``DefenseSpec`` that count for its term alone."""
        return () if self.term is None else (self.term.weight, *self.term.parameters)


def wmim_term(batch: Batch) -> Tensor:
    """Minus the mean standard MI of x̃, which WMIM maximises."""
    return -batch.estimators.standard_of(batch.x_adv, batch.attacked).mean()


def namid_term(batch: Batch, penalty: float, terms: str) -> Tensor:
    """L_mi over the selected rows, see ``losses.namid_term``; 0 where there is none."""
    assert batch.clean is not None  # ``sees_clean`` says so
    assert batch.rows is not None
    if not len(batch.rows):
        return batch.clean.new_zeros(())
    split = batch.estimators.split(batch.x, batch.x_adv, batch.clean, batch.attacked, batch.rows)
    return losses.namid_term(split, penalty, terms)


STANDARD = AdversarialLoss(losses.standard, sees_clean=False)
TRADES = AdversarialLoss(losses.trades, weight=losses.TRADES_WEIGHT, inner="kl")
MART = AdversarialLoss(losses.mart, weight=losses.MART_WEIGHT)
WMIM = Term(wmim_term, "wmim_weight")
NAMID = Term(namid_term, "alpha", ("penalty", "terms"), sees_clean=True)

DEFENSES: dict[str, Defense] = {
    "standard": Defense("Standard", STANDARD, "Madry et al. 2018, arXiv 1706.06083"),
    "wmim": Defense("WMIM", STANDARD, "Zhu et al. 2020, arXiv 2002.11798", WMIM, "standard"),
    "namid": Defense("NAMID", STANDARD, "Zhou et al. 2022, arXiv 2207.12203", NAMID, "standard"),
    "trades": Defense("TRADES", TRADES, "Zhang et al. 2019, arXiv 1901.08573"),
    "namid-t": Defense("NAMID_T", TRADES, "Zhou et al. 2022, arXiv 2207.12203", NAMID, "trades"),
    "mart": Defense("MART", MART, "Wang et al. 2020, ICLR"),
    "namid-m": Defense("NAMID_M", MART, "Zhou et al. 2022, arXiv 2207.12203", NAMID, "mart"),
}
