"""One image's twins and the critic's scores: shapes, bounds, and that the scores explain the value."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from advmi_core.mi import PerSampleMINE
from advmi_core.mi.critics import PRESETS
from advmi_core.objectives import Classification
from advmi_core.studies.critics.one_image import PERTURBATIONS, CriticTrace, twins


@pytest.fixture
def objective() -> Classification:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 10 * 10, 4))
    return Classification(net, torch.tensor([2]))


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(1, 1, 12, 12, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_twins_are_images_with_the_models_own_maps(
    objective: Classification, x: torch.Tensor, kind: str
) -> None:
    pair = twins(objective, x, kind, 0.2)
    assert pair.x.equal(x[0])
    assert pair.x_adv.min() >= 0
    assert pair.x_adv.max() <= 1
    assert not pair.x_adv.equal(pair.x)
    with torch.no_grad():
        expected = objective.model[0](torch.stack([pair.x, pair.x_adv])).relu()
    torch.testing.assert_close(torch.stack([pair.maps, pair.maps_adv]), expected)


def test_pgd_stays_in_the_ball_and_no_strength_means_no_change(
    objective: Classification, x: torch.Tensor
) -> None:
    change = (twins(objective, x, "pgd", 0.05).x_adv - x[0]).abs().max()
    assert 0 < change <= 0.05 + 1e-7  # float32's rounding
    for kind in PERTURBATIONS:
        assert twins(objective, x, kind, 0.0).x_adv.equal(x[0])


def test_noise_has_the_stated_strength(objective: Classification) -> None:
    grey = torch.full((1, 1, 200, 200), 0.5)
    wide = Classification(nn.Sequential(nn.Conv2d(1, 2, 200), nn.Flatten()), torch.tensor([0]))
    change = twins(wide, grey, "gaussian", 0.1, seed=3).x_adv - 0.5
    assert float(change.std()) == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize(
    ("kind", "eps", "count", "named"),
    [
        ("rot13", 0.1, 1, "kind"),
        ("pgd", -1.0, 1, "eps"),
        ("gaussian", math.nan, 1, "eps"),
        ("pgd", 0.1, 2, "one image"),
    ],
)
def test_bad_wishes_are_named(
    objective: Classification, x: torch.Tensor, kind: str, eps: float, count: int, named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        twins(objective, x.repeat(count, 1, 1, 1), kind, eps)


def maps(seed: int) -> torch.Tensor:
    return torch.rand(8, 10, 10, generator=torch.Generator().manual_seed(seed))


def test_the_value_is_mean_joint_minus_log_mean_exp_shuffled() -> None:
    for seen in CriticTrace(steps=30).run(maps(0), maps(1), record_every=7):
        assert seen.joint.shape == (8,)
        assert seen.marginal.shape == (56,)
        shuffled = torch.from_numpy(seen.marginal).double()
        expected = seen.joint.mean() - (float(shuffled.logsumexp(0)) - math.log(56))
        assert seen.value == pytest.approx(float(expected), abs=1e-5)


def test_the_lens_sees_what_per_sample_mine_computes() -> None:
    mine = PerSampleMINE(maps(0)[None], pairs="all", seed=4, lr=PRESETS["compact"].fit_lr)
    samples = mine.prepare(maps(1)[None])
    mine.ascend(samples, 25)
    result = CriticTrace(steps=25, seed=4).run(maps(0), maps(1), record_every=10).drain()
    assert result.value == pytest.approx(float(mine.value(samples)), abs=1e-6)


def test_records_begin_untrained_and_end_at_the_last_step() -> None:
    records = list(CriticTrace(steps=25).run(maps(0), maps(1), record_every=10))
    assert [record.step for record in records] == [0, 10, 20, 25]
    assert records[-1].value > records[0].value


def test_closing_keeps_what_was_reached() -> None:
    run = CriticTrace(steps=500).run(maps(0), maps(1), record_every=5)
    next(run)
    next(run)
    assert run.result.step == 5


def test_maps_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        CriticTrace().run(maps(0), maps(1)[:4])
