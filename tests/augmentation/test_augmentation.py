"""New images for training: what they are, that parts change nothing, and that a stopped run goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from advmi_core import data, models
from advmi_core.attacks import MinMax
from advmi_core.augmentation import METHODS, Augmentation, AugmentStep, augment
from advmi_core.augmentation.noise import noisy
from advmi_core.objectives import Reconstruction

N = 5
QUICK = {"steps": 4, "inner": 2}


@pytest.fixture(scope="module")
def model() -> models.Network:
    return models.load("ae-dense")


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return data.load("fashion-mnist", split="test").x[:N]


def test_noise_is_as_long_as_wanted_and_stays_in_the_box(x: torch.Tensor) -> None:
    wanted = torch.tensor([0.0, 1e-3, 0.5, 3.0, 9.0])
    new = noisy(x, wanted, seed=0, rows=range(N))
    length = (new.double() - x.double()).flatten(1).norm(dim=1)
    torch.testing.assert_close(length, wanted.double(), rtol=1e-5, atol=1e-6)
    assert float(new.min()) >= 0
    assert float(new.max()) <= 1
    assert torch.equal(new[0], x[0])
    alone = noisy(x[3:4], wanted[3:4], seed=0, rows=[3])
    assert torch.equal(alone[0], new[3])
    assert not torch.equal(noisy(x, wanted, seed=1, rows=range(N))[3], new[3])


def test_noise_without_room_ends_in_a_corner_of_the_box(x: torch.Tensor) -> None:
    new = noisy(x, torch.full((N,), 28.0), seed=0, rows=range(N))
    assert set(new.unique().tolist()) == {0.0, 1.0}


def test_unclipped_noise_is_gaussian() -> None:
    grey = torch.full((4, 1, 40, 40), 0.5)
    delta = (noisy(grey, torch.full((4,), 1.0), seed=0, rows=range(4)) - grey).flatten()
    scaled = (delta / delta.std()).double()
    assert abs(float(scaled.mean())) < 0.05
    assert float(scaled.pow(4).mean()) == pytest.approx(3.0, abs=0.3)
    assert float((scaled.abs() < 1).double().mean()) == pytest.approx(0.683, abs=0.02)


@pytest.mark.parametrize("mi", ["mine-patches", "gaussian-patches"])
def test_uaes_are_those_of_minmax(model: models.Network, x: torch.Tensor, mi: str) -> None:
    found = augment("mine-uae", model, x, mi=mi, alpha=0.05, start=0.02, mi_weight=3.0, **QUICK)
    attack = MinMax.published(mi=mi, eps=1.0, alpha=0.05, start=0.02, mi_weight=3.0, mi_steps=0, **QUICK)
    wanted = attack(Reconstruction(model), x)
    for name in ("x_adv", "success", "criterion", "mi_loop", "l2"):
        torch.testing.assert_close(getattr(found, name), getattr(wanted, name), rtol=0, atol=0)
    assert found.complete
    assert found.count == N
    assert found.asr == pytest.approx(float(wanted.success.float().mean()))


def test_uaes_of_the_solver_are_those_of_minmax_and_share_less(
    model: models.Network, x: torch.Tensor
) -> None:
    found = augment("solver-uae", model, x, steps=20)
    wanted = MinMax(eps=1.0, steps=100, mi_steps=0)(Reconstruction(model), x)
    for name in ("x_adv", "success", "criterion", "mi_loop", "l2"):
        torch.testing.assert_close(getattr(found, name), getattr(wanted, name), rtol=0, atol=0)
    assert found.success.all()
    assert (wanted.kept < 0.5).all()
    assert (found.moved_l2 > 5 * found.start_l2).all()  # it begins beside x
    weak = augment("solver-uae", model, x, steps=20, mi_weight=0.01)
    assert (weak.l2 < found.l2).all()


def test_a_uae_is_its_start_and_what_the_optimisation_moved(model: models.Network, x: torch.Tensor) -> None:
    found = augment("l2-uae", model, x, start=0.05, alpha=0.1, **QUICK)
    objective = Reconstruction(model)
    first = next(MinMax.published(eps=1.0, steps=1, start=0.05, mi="l2", mi_steps=0).run(objective, x)).x_adv
    torch.testing.assert_close(found.start_l2, (first - x).flatten(1).norm(dim=1))
    torch.testing.assert_close(found.moved_l2, (found.x_adv - first).flatten(1).norm(dim=1))
    assert (found.start_l2 > 0.5).all()
    noise = augment("gaussian", model, x, l2=found.l2)
    torch.testing.assert_close(noise.start_l2, found.l2, rtol=1e-5, atol=0)
    assert not noise.moved_l2.any()


@pytest.mark.parametrize("method", METHODS)
def test_neither_parts_nor_neighbours_change_an_image(
    model: models.Network, x: torch.Tensor, method: str
) -> None:
    given = {"mi": "mine-patches", **QUICK} | ({"l2": 1.0} if method == "gaussian" else {})
    whole = augment(method, model, x, part=N, **given)
    for part in (1, 2):
        again = augment(method, model, x, part=part, **given)
        for name in ("x_adv", "success", "criterion", "l2", "start_l2", "moved_l2"):
            torch.testing.assert_close(getattr(again, name), getattr(whole, name), rtol=1e-4, atol=1e-4)
    fewer = augment(method, model, x[:2], **given).x_adv
    torch.testing.assert_close(fewer, whole.x_adv[:2], rtol=0, atol=1e-4)


def test_noise_succeeds_by_the_criterion_and_matches_the_uaes_by_default(
    model: models.Network, x: torch.Tensor
) -> None:
    noise = augment("gaussian", model, x, mi="mine-patches", **QUICK)
    uaes = augment("mine-uae", model, x, mi="mine-patches", **QUICK)
    torch.testing.assert_close(noise.l2, uaes.l2, rtol=1e-5, atol=0)
    before, after = ((x - model(seen)).square().flatten(1).sum(1) for seen in (x, noise.x_adv))
    torch.testing.assert_close(noise.criterion, after - before, rtol=1e-4, atol=1e-4)
    assert noise.success.tolist() == (after <= before).tolist()
    small = augment("gaussian", model, x, l2=0.0)
    assert torch.equal(small.x_adv, x)


def _ends(steps: list[AugmentStep]) -> list[AugmentStep]:
    """The records that end a part, without the signs of life that a slow machine gives."""
    before = [0, *(step.step for step in steps)]
    return [step for step, last in zip(steps, before, strict=False) if step.step > last]


def test_a_stopped_run_has_the_parts_that_are_finished_and_goes_on(
    model: models.Network, x: torch.Tensor, tmp_path: Path
) -> None:
    how = Augmentation(mi="mine-patches", part=2, **QUICK)
    whole = how.run(model, x).drain()
    run = how.run(model, x, directory=tmp_path)
    for step in run:
        if step.step == 2:
            break
    partial = run.result
    assert (partial.count, partial.complete) == (4, False)
    assert torch.equal(partial.x_adv, whole.x_adv[:4])
    ends = _ends(list(how.run(model, x, directory=tmp_path)))
    assert [step.reused for step in ends] == [True, True, False]
    assert [step.done for step in ends] == [2, 4, N]


def test_other_weights_images_or_parameters_have_another_folder(
    model: models.Network, x: torch.Tensor, tmp_path: Path
) -> None:
    other = models.build("ae-dense", seed=3).freeze()
    how, stronger = (Augmentation(method="l2-uae", steps=1, alpha=alpha) for alpha in (0.01, 0.02))
    for network, images, method in (
        (model, x, how),
        (other, x, how),
        (model, x[:4], how),
        (model, x, stronger),
    ):
        method.run(network, images, directory=tmp_path).drain()
    assert len(list(tmp_path.iterdir())) == 4
    how.run(model, x, directory=tmp_path).drain()
    assert len(list(tmp_path.iterdir())) == 4


def test_a_long_part_gives_signs_of_life(
    model: models.Network, x: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("advmi_core.augmentation.generation._SILENCE", -1.0)
    steps = list(Augmentation(method="l2-uae", part=3, **QUICK).run(model, x))
    assert [step.step for step in steps] == [0] * 4 + [1] * 5 + [2]
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert done[-1] == N
    assert np.isnan(steps[0].success)


def test_nothing_of_the_caller_is_touched(x: torch.Tensor) -> None:
    model = models.build("ae-dense").train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    rng = torch.get_rng_state()
    for method in METHODS:
        augment(method, model, x, mi="mine-patches", steps=2, inner=1)
    assert torch.equal(torch.get_rng_state(), rng)
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "cutout"}, "method must be one of mine-uae, solver-uae, l2-uae, gaussian, got 'cutout'"),
        ({"mi": "l2"}, "mi must be one of mine-conv"),
        ({"method": "mine-uae", "l2": 1.0}, 'l2 belongs to method="gaussian"'),
        ({"method": "gaussian", "l2": -1.0}, "l2 must be ≥ 0, got -1.0"),
        ({"part": 0}, "part must be a whole number ≥ 1, got 0"),
        ({"alpha": 0.0}, "alpha must be > 0"),
    ],
)
def test_bad_parameters_are_named(parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Augmentation(**parameters)


def test_bad_lengths_are_named(model: models.Network, x: torch.Tensor) -> None:
    noise = Augmentation(method="gaussian")
    with pytest.raises(ValueError, match="needs its wanted length l2, got none"):
        noise.run(model, x)
    with pytest.raises(ValueError, match="x and l2 must have the same length, got 5 and 4"):
        noise.run(model, x, l2=torch.ones(4))
    with pytest.raises(ValueError, match="finite lengths ≥ 0"):
        noise.run(model, x, l2=torch.full((N,), -1.0))
    with pytest.raises(ValueError, match=r"model must reconstruct images of shape \(1, 28, 28\)"):
        augment("l2-uae", models.load("cnn"), x)
