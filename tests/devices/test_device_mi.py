"""Mutual information on a second device: every sampling, bound and estimator, as on the CPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from simulated import simulated
from small_networks import classifier, images

from advmi_core.mi import ESTIMATORS, TASKS, estimate_mi
from advmi_core.mi.per_image.sampling import SAMPLINGS
from advmi_core.objectives import Classification
from advmi_core.studies.critics.one_image import CriticTrace, twins

OPTIONS: list[dict[str, Any]] = [{"sampling": sampling} for sampling in SAMPLINGS]
OPTIONS += [{"estimator": name} for name in ("gaussian", "dv", "mine")]
OPTIONS += [{"sampling": "conv", "pairs": pairs} for pairs in ("permutation", "shifts")]
OPTIONS += [{"sampling": "conv", "held_out": True, "members": 2}, {"folds": "blocks"}]


@pytest.mark.fault("G4")
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_estimates_of_host_images_agree_with_the_cpu(options: dict[str, Any]) -> None:
    network, x = classifier(), images()
    x_adv, y = (x + 0.1).clamp(0, 1), torch.zeros(len(x), dtype=torch.int64)
    here = estimate_mi(Classification(network, y), x, x_adv, steps=2, **options)
    for kind in ("cuda", "mps"):
        with simulated(kind):
            there = estimate_mi(Classification(classifier().to(kind), y), x, x_adv, steps=2, **options)
        assert there.device.type == "cpu"
        torch.testing.assert_close(there, here, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_estimators_agree_with_the_cpu(name: str, kind: str) -> None:
    few = {} if name == "gaussian" else {"steps": 8, "batch": 32}
    a, b = TASKS["gaussian"](dim=2, mi=1.0).sample(120, seed=0)
    here = ESTIMATORS[name](**few).estimate(a, b)
    with simulated(kind):
        there = ESTIMATORS[name](**few).estimate(a.to(kind), b.to(kind))
    assert there.value == pytest.approx(here.value, abs=1e-4)


@pytest.mark.fault("G4")
@pytest.mark.parametrize("perturbation", ["gaussian", "pgd"])
def test_one_image_under_the_lens(perturbation: str, kind: str) -> None:
    network, x = classifier(), images(1)
    y = network(x).argmax(1)
    here = twins(Classification(network, y), x, perturbation, 0.1)
    with simulated(kind):
        there = twins(Classification(network.to(kind), y), x, perturbation, 0.1)
        scores = CriticTrace(steps=2).run(there.maps.to(kind), there.maps_adv.to(kind)).drain()
    torch.testing.assert_close(there.maps_adv, here.maps_adv, rtol=0, atol=1e-5)
    assert scores.value == pytest.approx(
        CriticTrace(steps=2).run(here.maps, here.maps_adv).drain().value, abs=1e-4
    )
