"""NAMID's term without one of its estimators: by hand, by gradient, and in a training's spec."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from advmi_core.data import ImageSet
from advmi_core.defenses import DefenseSpec, train_defense
from advmi_core.defenses.losses import NAMID_TERMS, namid_term
from advmi_core.mi.local.estimators import InformationSplit, LocalEstimators

PENALTY = 0.3


def values() -> InformationSplit:
    generator = torch.Generator().manual_seed(3)
    made = [torch.randn(5, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(4)]
    return InformationSplit(*made)


def turn(u: Tensor, v: Tensor) -> float:
    """|1 − cos| by hand."""
    a, b = u.tolist(), v.tolist()
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return abs(1 - dot / math.hypot(*a) / math.hypot(*b))


def test_each_estimator_alone_as_printed() -> None:
    seen = values()
    by_hand = {
        "natural": turn(seen.natural_adv, seen.natural_x) - PENALTY * sum(seen.natural_adv.tolist()) / 5,
        "adversarial": turn(seen.adversarial_adv, seen.adversarial_x)
        + PENALTY * sum(seen.adversarial_adv.tolist()) / 5,
    }
    for terms, expected in by_hand.items():
        assert float(namid_term(seen, PENALTY, terms).detach()) == pytest.approx(expected, abs=1e-9)
    # The term is a sum, so what each says alone adds up to what both say.
    assert float(namid_term(seen, PENALTY).detach()) == pytest.approx(sum(by_hand.values()), abs=1e-9)


@pytest.mark.parametrize("terms", NAMID_TERMS)
def test_an_estimator_left_out_has_no_gradient(terms: str) -> None:
    seen = values()
    torch.autograd.backward(namid_term(seen, PENALTY, terms))
    gradients = {"natural": seen.natural_adv.grad, "adversarial": seen.adversarial_adv.grad}
    touched = {kind: found is not None and bool(found.any()) for kind, found in gradients.items()}
    assert touched == {kind: terms in ("both", kind) for kind in touched}


def test_the_published_choice_leaves_specs_as_they_were() -> None:
    usual = DefenseSpec(defense="namid", model="cnn")
    assert not {"terms", "delay"} & usual.to_dict().keys()
    assert DefenseSpec(**usual.to_dict()) == usual
    natural = DefenseSpec(defense="namid", model="cnn", terms="natural", delay=2)
    assert (natural.to_dict()["terms"], natural.to_dict()["delay"]) == ("natural", 2)
    assert DefenseSpec(**natural.to_dict()) == natural
    with pytest.raises(ValueError, match="terms must be one of both, natural, adversarial, got 'none'"):
        DefenseSpec(defense="namid", model="cnn", terms="none")


def test_a_training_follows_the_choice(
    small: Callable[..., DefenseSpec], images: ImageSet, test_images: ImageSet, estimators: LocalEstimators
) -> None:
    trained = {}
    for terms in NAMID_TERMS:
        spec = small("namid", model="cnn", epochs=1, terms=terms, warmup=0, penalty=1.0)
        run = train_defense(spec, None, estimators=estimators, images=images, test=test_images)
        weights = run.drain().network.state_dict()
        trained[terms] = torch.cat([w.flatten() for w in weights.values() if w.is_floating_point()])
    assert not torch.equal(trained["both"], trained["natural"])
    assert not torch.equal(trained["both"], trained["adversarial"])
    assert not torch.equal(trained["natural"], trained["adversarial"])


@pytest.mark.parametrize(
    ("defense", "baseline"), [("namid", "standard"), ("namid-t", "trades"), ("namid-m", "mart")]
)
def test_without_its_weight_namid_is_its_baseline(
    defense: str,
    baseline: str,
    small: Callable[..., DefenseSpec],
    images: ImageSet,
    test_images: ImageSet,
    estimators: LocalEstimators,
    same_weights: Callable[[torch.nn.Module, torch.nn.Module], bool],
) -> None:
    """Weights and running statistics: a difference between the two is the term's, and nothing else's."""
    trained = {
        name: train_defense(
            small(name, alpha=alpha), None, estimators=estimators, images=images, test=test_images
        )
        .drain()
        .network
        for name, alpha in ((defense, 0.0), (baseline, 5.0))
    }
    assert same_weights(trained[defense], trained[baseline])
