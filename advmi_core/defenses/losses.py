"""Losses of adversarial training: means over the batch in nats, of logits (B,classes) and labels y (B,)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from advmi_core.mi.local.estimators import InformationSplit

TRADES_WEIGHT = 6.0
MART_WEIGHT = 5.0
NAMID_TERMS = ("both", "natural", "adversarial")


def standard(clean: Tensor | None, attacked: Tensor, y: Tensor, weight: float = 0.0) -> Tensor:
    """Cross entropy of h(x̃) [Madry et al. 2018]; h(x) and a weight have no say in it."""
    return functional.cross_entropy(attacked, y)


def trades(clean: Tensor, attacked: Tensor, y: Tensor, weight: float = TRADES_WEIGHT) -> Tensor:
    """CE(h(x), y) + weight · KL(p(x) ‖ p(x̃)) [Zhang et al. 2019, arXiv 1901.08573, eq. 5]."""
    return functional.cross_entropy(clean, y) + weight * divergence(clean, attacked).mean()


def mart(clean: Tensor, attacked: Tensor, y: Tensor, weight: float = MART_WEIGHT) -> Tensor:
    """BCE(p(x̃), y) + weight · KL(p(x) ‖ p(x̃)) · (1 − p_y(x)) [Wang et al. 2020, ICLR, eq. 11].

    BCE = −log p_y(x̃) − log(1 − max_{k≠y} p_k(x̃)); 1 − p_k is the sum of the others' probabilities, so that
    its logarithm stays exact where p_k is near 1.
    """
    log_p = attacked.log_softmax(1)
    rival = log_p.scatter(1, y[:, None], -torch.inf).argmax(1, keepdim=True)
    not_rival = log_p.scatter(1, rival, -torch.inf).logsumexp(1)
    boosted = -log_p.gather(1, y[:, None]).squeeze(1) - not_rival
    doubt = 1 - clean.softmax(1).gather(1, y[:, None]).squeeze(1)
    return (boosted + weight * divergence(clean, attacked) * doubt).mean()


def divergence(clean: Tensor, attacked: Tensor) -> Tensor:
    """(B,) KL(p(x) ‖ p(x̃)) ≥ 0."""
    log_p = clean.log_softmax(1)
    return (log_p.exp() * (log_p - attacked.log_softmax(1))).sum(1)


def namid_term(values: InformationSplit, penalty: float, terms: str = "both") -> Tensor:
    """L_mi over the m ≥ 1 selected rows [NAMID, eq. 9].

    |1 − cos(e_n(x̃'), e_n(x'))| + |1 − cos(e_a(x̃'), e_a(x'))| + λ·mean(e_a(x̃') − e_n(x̃')), each e the vector
    of the rows' MI. The paper prints a cosine per row; that of two numbers is ±1 and has no gradient, so with
    m = 1 only the λ term is left.

    Args:
        values: (m,) nats each.
        penalty: λ.
        terms: which estimators have a say: ``"both"``, ``"natural"`` (E_n alone) or ``"adversarial"`` (E_a);
            every term of the other is left out, also from λ's.
    """
    gaps = {
        "both": values.adversarial_adv - values.natural_adv,
        "natural": -values.natural_adv,
        "adversarial": values.adversarial_adv,
    }
    term = penalty * gaps[terms].mean()
    if len(values.natural_adv) > 1:
        for kind, adv, natural in (
            ("natural", values.natural_adv, values.natural_x),
            ("adversarial", values.adversarial_adv, values.adversarial_x),
        ):
            if terms in ("both", kind):
                term = term + (1 - functional.cosine_similarity(adv, natural, dim=0)).abs()
    return term
