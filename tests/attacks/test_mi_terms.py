"""MinMax on patches: the terms pull where they say, and an attack ends with more or less MI by them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from models_for_tests import SmallAutoencoder, images, small_classifier

from advmi_core import data, models
from advmi_core.attacks import CW, DDN, PGD, Attack, MinMax, Penalty
from advmi_core.attacks.core import memory
from advmi_core.attacks.core.mi_term import (
    MI_TERMS,
    Anchored,
    is_measure,
    learns,
    make_term,
    pulled,
)
from advmi_core.mi import estimate_mi
from advmi_core.mi.gaussian import gaussian_mi
from advmi_core.mi.per_image.information import Information
from advmi_core.mi.per_image.patches import PatchMINE, image_patches
from advmi_core.objectives import Classification, Objective, Reconstruction

OURS = ("mine-patches", "gaussian-patches")
SETTINGS = {"inner": 3, "seed": 0, "critic": "compact", "bound": "auto", "pairs": "auto"}


def _objective(kind: str) -> tuple[Objective, torch.Tensor]:
    images = data.load("fashion-mnist", split="test")
    if kind == "supervised":
        return Classification(models.load("cnn"), images.y[:8]), images.x[:8]
    return Reconstruction(models.load("ae-conv")), images.x[:8]


def test_the_closed_form_pulls_along_its_gradient() -> None:
    objective, x = _objective("supervised")
    problem = objective.on(x)
    leaf = (x + 0.05 * torch.rand(x.shape, generator=torch.Generator().manual_seed(0))).requires_grad_()
    value, samples, pull = make_term(problem, "gaussian-patches", range(8), **SETTINGS).step(leaf, None)
    wanted = gaussian_mi(image_patches(x), image_patches(leaf))
    torch.testing.assert_close(value, wanted.detach())
    torch.testing.assert_close(
        torch.autograd.grad(samples, leaf, pull)[0], torch.autograd.grad(wanted.sum(), leaf)[0]
    )


@pytest.mark.parametrize("mi", OURS)
@pytest.mark.parametrize("kind", ["supervised", "unsupervised"])
def test_the_weight_moves_mi_the_way_the_sign_says(kind: str, mi: str) -> None:
    objective, x = _objective(kind)
    ends = {}
    for weight in (0.0, 3.0):
        attack = MinMax.published(eps=0.3, steps=40, mi=mi, mi_weight=weight, inner=5, mi_steps=0)
        run = attack.run(objective, x, record_every=attack.steps)
        last = list(run)[-1]
        assert bool(run.result.success.all())
        estimator = "gaussian" if mi == "gaussian-patches" else "infonce"
        ends[weight] = float(estimate_mi(objective, x, last.x_adv, estimator=estimator).mean())
    assert (ends[3.0] - ends[0.0]) * objective.mi_sign > 0.01


@pytest.mark.parametrize("mi", [*OURS, "mine-random"])
def test_a_row_is_the_same_alone_and_in_a_batch(mi: str) -> None:
    objective, x = _objective("unsupervised")
    attack = MinMax.published(eps=0.3, steps=15, mi=mi, inner=7, mi_steps=0)
    whole = attack(objective, x)
    alone = attack(objective, x[5:6], rows=[5])
    torch.testing.assert_close(whole.x_adv[5:6], alone.x_adv, rtol=0, atol=1e-4)


def test_images_too_small_for_patches_are_attacked_but_not_measured() -> None:
    model = small_classifier(height=6, width=6)
    x = torch.rand(2, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    result = MinMax.published(steps=3)(Classification(model, torch.tensor([0, 1])), x)
    assert result.mi.isnan().all()
    assert any("at least 8×8" in sentence for sentence in result.warnings)
    with pytest.raises(ValueError, match="at least 8×8 pixels, got \\(6, 6\\)"):
        MinMax.published(steps=3, mi="gaussian-patches")(Classification(model, torch.tensor([0, 1])), x)


def test_in_a_warm_up_the_critic_learns_while_the_image_waits() -> None:
    objective, x = _objective("unsupervised")
    attack = MinMax.published(eps=1.0, steps=3, warmup=4, inner=3, mi_steps=0)
    records = list(run := attack.run(objective, x))
    assert [record.step for record in records] == list(range(1, 8))
    assert all(torch.equal(record.x_adv, records[0].x_adv) for record in records[:5])
    assert not torch.equal(records[5].x_adv, records[4].x_adv)
    assert all(torch.equal(record.c, records[0].c) for record in records[:5])
    assert all(bool((a.mi < b.mi).all()) for a, b in pairwise(records[:5]))
    assert not any(bool(record.found.any()) for record in records[:4])
    published = replace(attack, warmup=0).spec()
    assert "warmup" not in published
    assert attack.spec() == published | {"warmup": 4}
    assert run.result.x_adv.shape == x.shape


def test_a_warm_critic_tells_an_unlikely_image_from_the_first_success() -> None:
    """The MI of a critic that starts with the attack rises with every step, so its smallest is the first."""
    objective, x = _objective("unsupervised")
    cold = MinMax.published(eps=1.0, steps=40, start=0.03, alpha=0.03, mi_weight=5.0, inner=5, mi_steps=0)
    moved = {}
    for attack in (cold, replace(cold, warmup=80)):
        first = next(iter(attack.run(objective, x))).x_adv
        result = attack(objective, x)
        won = result.success
        assert float(won.float().mean()) >= 0.75
        moved[attack.warmup] = float((result.x_adv - first)[won].flatten(1).norm(dim=1).mean())
    assert moved[80] > 2 * moved[0]


LOOPS: tuple[tuple[Attack, str], ...] = (
    (MinMax(), "information"),
    (MinMax.published(), "mine-conv"),
    (MinMax.published(mi="gaussian-patches"), "gaussian-patches"),
    (MinMax.published(mi="l2"), ""),
    (Penalty(searches=2, mi="mine-patches"), "mine-patches"),
    (PGD(mi_weight=1.0), "information"),
    (PGD(mi_weight=1.0, mi="mine-conv"), "mine-conv"),
    (PGD(), ""),
    (CW(searches=1), ""),
)


@pytest.mark.parametrize(("attack", "term"), LOOPS)
def test_who_gave_the_number_in_the_loop_is_told(attack: Attack, term: str) -> None:
    objective = Classification(small_classifier(), torch.tensor([0, 1]))
    run = replace(attack, steps=3, mi_steps=0).run(objective, images(2))
    records = list(run)
    assert {record.loop_term for record in records} | {run.result.loop_term} == {term}
    assert all(bool(record.mi.isnan().all()) == (term == "") for record in records)
    same = all(torch.allclose(record.mi, record.information, atol=1e-3) for record in records)
    assert same == is_measure(term)
    assert learns(term) == (term in ("mine-conv", "mine-patches"))


def test_a_model_without_a_convolution_has_random_samples_in_the_loop() -> None:
    attack = MinMax.published(steps=2, mi_steps=0)
    result = attack(Reconstruction(SmallAutoencoder(conv=False)), images(2, height=12))
    assert result.loop_term == "mine-random"


@pytest.mark.parametrize("mi", MI_TERMS)
def test_every_term_serves_every_attack_that_weighs_one(mi: str) -> None:
    objective, x = Classification(small_classifier(), torch.tensor([0, 1])), images(2)
    for attack in (
        MinMax(mi=mi),
        MinMax.published(mi=mi),
        Penalty(mi=mi, searches=1),
        PGD(mi=mi, mi_weight=1.0),
    ):
        result = replace(attack, steps=3, mi_steps=0)(objective, x)
        assert bool(result.mi_loop.isnan().all()) == (mi == "l2")
        assert result.spec.get("mi", "information") == mi


def test_a_term_that_changes_nothing_is_no_part_of_the_spec() -> None:
    for attack in (MinMax(), MinMax(inner=3), PGD(), PGD(mi="mine-conv")):
        assert not {"mi", "inner", "bound", "pairs"} & set(attack.spec())
    for attack in (MinMax(mi="mine-conv"), PGD(mi_weight=1.0), Penalty(), MinMax.published()):
        assert {"mi", "inner", "bound", "pairs"} <= set(attack.spec())


def test_the_measure_pulls_along_its_gradient() -> None:
    objective, x = _objective("supervised")
    leaf = (x + 0.05 * torch.rand(x.shape, generator=torch.Generator().manual_seed(0))).requires_grad_()
    value, pull = pulled(make_term(objective.on(x), "information", range(8), **SETTINGS), leaf, None)
    wanted = Information(x)(leaf)
    torch.testing.assert_close(value, wanted.detach(), rtol=1e-4, atol=1e-4)
    (gradient,) = torch.autograd.grad(wanted.sum(), leaf)
    torch.testing.assert_close(pull, gradient, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("mi", ["mine-conv", "mine-patches", "gaussian-patches"])
def test_no_image_counts_more_than_x_itself_where_information_is_kept(mi: str) -> None:
    """A higher contrast raises the closed form with noise on either side; it tells nothing new of x."""
    objective, bright = _objective("supervised")
    x = 0.4 * bright
    problem = objective.on(x)
    term = make_term(problem, mi, range(8), **SETTINGS)
    anchored, keeps = Anchored(term, problem, mi), torch.arange(8) < 6
    for x_adv in (x, bright, torch.full_like(x, 0.5)):
        leaf = x_adv.detach().clone().requires_grad_()
        maps = objective.forward(leaf, True)[1] if term.wants_maps else None
        _, counts, pull = anchored.look(leaf, maps, keeps)
        assert (counts[keeps] <= 0).all()
        if x_adv is x and mi == "gaussian-patches":  # a critic has learnt between the two looks
            size = pull.flatten(1).norm(dim=1)
            assert (size[:6] < 0.01 * size[6:].min()).all()
    raw = gaussian_mi(image_patches(x), image_patches(bright))
    assert (raw > gaussian_mi(image_patches(x), image_patches(x))).all()


def test_only_a_critic_takes_memory_for_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda device: 2**30)
    monkeypatch.setattr(memory, "LARGEST_ON_CPU", 10**6)
    objective, x = _objective("supervised")
    problem = objective.on(x)

    def fits(attack: Attack) -> int:
        return memory.rows_that_fit(problem, replace(attack, critic="paper").critic_weights(problem))

    free = fits(DDN())
    for attack in (MinMax(), PGD(), Penalty(mi="gaussian-patches"), MinMax.published(mi="l2")):
        assert fits(attack) == free
    large = fits(MinMax.published())
    assert large == fits(MinMax(mi="mine-conv")) == fits(PGD(mi="mine-conv", mi_weight=1.0)) < free / 10
    # A paper critic has 140,000 weights on random projections instead of 10 million; one on patches has few.
    random, patches = (fits(MinMax.published(mi=mi)) for mi in ("mine-random", "mine-patches"))
    assert large < random < patches <= free
    critic = PatchMINE(image_patches(x), seed=0, rows=range(8), bound="infonce")
    held = sum(weight[0].numel() for weight in critic._critics.weights.values())
    assert MinMax(mi="mine-patches").critic_weights(problem) == held
