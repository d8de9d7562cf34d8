"""Estimators against known truths, and what holds for each of them whatever the data."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from advmi_core.mi import ESTIMATORS, TASKS, MIEstimate, diagnostics
from advmi_core.mi.dataset import cross_fit
from advmi_core.mi.dataset.cross_fit import CrossFit, blocks, validation_size
from advmi_core.mi.dataset.estimators import VariationalEstimator

TRAINED = [name for name, kind in ESTIMATORS.items() if issubclass(kind, VariationalEstimator)]


def _gaussian(n: int = 2000, *, dim: int = 1, mi: float = 1.0, seed: int = 100) -> tuple[Tensor, Tensor]:
    return TASKS["gaussian"](dim=dim, mi=mi).sample(n, seed=seed)


def _short(name: str = "dv", **given: object) -> VariationalEstimator:
    kind = ESTIMATORS[name]
    assert issubclass(kind, VariationalEstimator)
    return kind(**{"steps": 60, "hidden": (32,), "code": 16, "batch": 128} | given)


def test_defaults_reach_the_truth() -> None:
    result = ESTIMATORS["dv"](seed=100).estimate(*_gaussian(10_000, mi=2.0))
    assert result.value == pytest.approx(2.0, rel=0.05)
    assert result.warnings == ()


@pytest.mark.parametrize("name", TRAINED)
def test_every_bound_finds_one_nat(name: str) -> None:
    result = ESTIMATORS[name](seed=100, steps=200).estimate(*_gaussian(3000))
    assert result.value == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("name", TRAINED)
def test_independent_samples_have_none(name: str) -> None:
    a, b = _gaussian(3000, dim=3, mi=0.0)
    assert abs(ESTIMATORS[name](seed=100, steps=120).estimate(a, b).value) < 0.05


def test_symbols_over_a_noisy_channel() -> None:
    task = TASKS["noisy-channel"](dim=1, mi=1.0)
    result = ESTIMATORS["dv"](steps=200).estimate(*task.sample(4000, seed=100))
    assert result.value == pytest.approx(1.0, abs=0.1)


def test_ties_in_numbers_are_no_obstacle() -> None:
    a, b = TASKS["noisy-channel"](dim=1, mi=2.0).sample(4000, seed=100)
    symbols = [side.argmax(1, keepdim=True) for side in (a, b)]
    found = ESTIMATORS["dv"](steps=250).estimate(*symbols).value
    assert 1.0 < found < 2.05


@pytest.mark.parametrize("name", ["half-cube", "asinh"])
def test_warped_coordinates_give_what_the_twin_gives(name: str) -> None:
    twin, warped = (TASKS[task](dim=2, mi=1.0).sample(1000, seed=1) for task in ("gaussian", name))
    assert _short().estimate(*warped).value == pytest.approx(_short().estimate(*twin).value, abs=1e-4)


def test_without_gaussianising_only_scale_and_shift_are_undone() -> None:
    a, b = _gaussian()
    plain = _short(gaussianise=False)
    assert plain.estimate(5 * a - 3, b).value == pytest.approx(plain.estimate(a, b).value, abs=1e-2)
    assert plain.estimate(a.exp(), b).value != pytest.approx(plain.estimate(a, b).value, abs=1e-3)


def test_info_nce_never_exceeds_the_log_of_its_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_fit, "LARGEST_BLOCK", 8)
    a, _ = _gaussian(400)
    result = ESTIMATORS["infonce"](steps=300).estimate(a, a)  # infinitely dependent
    assert result.parameters["candidates"] == 8
    assert 0.8 * math.log(8) < result.value <= math.log(8)


def test_blocks_change_the_value_by_noise_only(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = _gaussian()
    whole = _short().estimate(a, b)
    monkeypatch.setattr(cross_fit, "LARGEST_BLOCK", 300)
    parts = _short().estimate(a, b)
    assert whole.parameters["marginal_pairs"] == 2 * 1000 * 999
    assert parts.parameters["marginal_pairs"] == 2 * 4 * 250 * 249
    assert parts.value == pytest.approx(whole.value, abs=0.02)
    assert parts.value != whole.value


@pytest.mark.parametrize("n", [2, 3, 2500, 2501, 5000, 7501])
def test_blocks_hold_every_sample(n: int) -> None:
    sizes = blocks(n)
    assert sum(sizes) == n
    assert min(sizes) >= 2
    assert max(sizes) <= cross_fit.LARGEST_BLOCK
    assert max(sizes) - min(sizes) <= 1


def test_order_of_the_samples_is_noise() -> None:
    a, b = _gaussian(3000)
    order = torch.randperm(3000, generator=torch.Generator().manual_seed(0))
    estimator = ESTIMATORS["dv"](steps=120)
    assert estimator.estimate(a[order], b[order]).value == pytest.approx(
        estimator.estimate(a, b).value, abs=0.05
    )


def test_sides_can_be_swapped() -> None:
    a, b = TASKS["noisy-channel"](dim=1, mi=0.8).sample(2000, seed=1)
    y = b[:, :3] + 0.1 * a[:, :3]
    estimator = ESTIMATORS["dv"](steps=100)
    assert estimator.estimate(a, y).value == pytest.approx(estimator.estimate(y, a).value, abs=0.05)


def test_overfitting_stays_on_the_training_side() -> None:
    """Sixty independent pairs: the critics learn them by heart, the value does not show it."""
    result = ESTIMATORS["dv"](steps=300).estimate(*_gaussian(60, dim=10, mi=0.0))
    assert result.trace["train"][-1] > 2
    assert result.value < 0.1
    assert any("the bound is overfitting" in text for text in result.warnings)


def test_nothing_trains_on_what_it_is_scored_on() -> None:
    a, b = _gaussian(103)
    fit = CrossFit(a, b, _short(folds=4)._recipe())
    seen_by_all = torch.cat([fit.held.flatten(), *fit.train, *fit.validation]).unique()
    assert torch.equal(seen_by_all, torch.arange(103))
    assert len(fit.held.unique()) == fit.held.numel() == 4 * 25
    for fold in range(4):
        parts = [set(part[fold].tolist()) for part in (fit.held, fit.train, fit.validation)]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 103


def test_a_batch_never_holds_a_sample_twice_and_an_epoch_holds_them_all() -> None:
    fit = CrossFit(*_gaussian(60), _short(batch=7)._recipe())
    drawn = [fit._next_batch() for _ in range(fit.train.shape[1] // 7)]
    for fold, train in enumerate(fit.train):
        chosen = torch.cat([batch[fold] for batch in drawn])
        assert len(chosen.unique()) == len(chosen)
        assert set(chosen.tolist()) <= set(train.tolist())


def test_validation_leaves_samples_to_train_on() -> None:
    for n in range(2, 200):
        assert 0 <= validation_size(n) <= n - 2
        assert validation_size(n) != 1
    assert validation_size(4500) == 450


@pytest.mark.parametrize("name", ESTIMATORS)
def test_same_seed_same_bytes_and_nothing_touched(name: str) -> None:
    a, b = _gaussian(200)
    kept = a.clone(), b.clone()
    given = {"steps": 25} if name in TRAINED else {}
    torch.manual_seed(5)
    np.random.seed(5)
    states = torch.get_rng_state(), np.random.get_state()[1]
    first, second = (ESTIMATORS[name](seed=3, **given).estimate(a, b) for _ in range(2))
    assert first.value == second.value
    for key, curve in first.trace.items():
        assert curve.tobytes() == second.trace[key].tobytes()
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()
    assert torch.equal(a, kept[0])
    assert torch.equal(b, kept[1])
    if name in TRAINED:
        assert ESTIMATORS[name](seed=4, **given).estimate(a, b).value != first.value


def test_tensors_and_arrays_of_any_real_kind() -> None:
    counts = torch.arange(200).unsqueeze(1) % 7
    other = (counts + torch.arange(200).unsqueeze(1) // 50) % 5
    wanted = _short(steps=10).estimate(counts, other).value
    for kind in (torch.float64, torch.bfloat16, torch.uint8):
        assert _short(steps=10).estimate(counts.to(kind), other.to(kind)).value == wanted
    for dtype in (np.float32, np.int16):
        arrays = [side.numpy().astype(dtype) for side in (counts, other)]
        assert _short(steps=10).estimate(*arrays).value == wanted


@pytest.mark.parametrize("name", TRAINED)
def test_records_come_at_once_and_closing_keeps_what_was_found(name: str) -> None:
    run = ESTIMATORS[name](steps=200).run(*_gaussian(1000))
    first = next(run)
    assert (first.step, first.total, run.total) == (1, 200, 200)
    for record in run:
        if record.step >= 100:
            break
    result = run.result
    assert result.value == pytest.approx(1.0, abs=0.25)
    assert result.trace["step"].tolist() == [1, *range(20, 101, 20)]
    assert result.trace["train"][0] == np.float32(first.train)
    assert result.parameters["steps_done"] == 100
    assert "Stopped after step 100 of 200: longer training may raise the estimate." in result.warnings
    assert next(run, None) is None


def test_a_run_that_never_began_still_has_a_result() -> None:
    result = _short().run(*_gaussian(100)).result
    assert math.isfinite(result.value)
    assert [len(curve) for curve in result.trace.values()] == [0, 0, 0]
    assert any(text.startswith("Stopped after step 0 of 60") for text in result.warnings)


@pytest.mark.parametrize(("steps", "every"), [(1, 20), (45, 10), (40, 20), (7, 100)])
def test_trace_ends_at_the_last_step_and_recording_changes_nothing(steps: int, every: int) -> None:
    estimator = _short(steps=steps, record_every=every)
    result = estimator.estimate(*_gaussian(100))
    assert list(result.trace) == ["step", "train", "held_out"]
    assert {len(curve) for curve in result.trace.values()} == {len(result.trace["step"])}
    assert all(curve.dtype == np.float32 for curve in result.trace.values())
    assert result.trace["step"][0] == 1
    assert result.trace["step"][-1] == steps
    assert all(earlier < later for earlier, later in pairwise(result.trace["step"]))
    assert replace(estimator, record_every=1).estimate(*_gaussian(100)).value == result.value


@pytest.mark.parametrize("name", ESTIMATORS)
def test_parameters_are_json_and_rebuild_the_estimator(name: str) -> None:
    given = {"steps": 5} if name in TRAINED else {}
    estimator, pairs = ESTIMATORS[name](seed=2, **given), _gaussian(50, dim=2)
    result = estimator.estimate(*pairs)
    parameters = json.loads(json.dumps(result.parameters))
    assert parameters["estimator"] == name
    assert (parameters["samples"], parameters["dim_x"], parameters["dim_y"]) == (50, 2, 2)
    fields = type(estimator).__dataclass_fields__
    rebuilt = type(estimator)(**{key: result.parameters[key] for key in parameters if key in fields})
    assert rebuilt.estimate(*pairs).value == result.value


@pytest.mark.parametrize(("dims", "hidden"), [((4, 1), (64, 64, 64)), ((1, 5), (128,))])
def test_many_coordinates_get_a_shallow_critic(dims: tuple[int, int], hidden: tuple[int, ...]) -> None:
    sides = (_gaussian(40, dim=dim)[0] for dim in dims)
    assert ESTIMATORS["dv"](steps=1).estimate(*sides).parameters["hidden"] == hidden


def test_few_samples_work_and_are_said_to_be_few() -> None:
    for n in (4, 5, 7, 29):
        result = _short(steps=20).estimate(*_gaussian(n))
        assert math.isfinite(result.value)
        assert f"Fewer than 30 samples ({n}): the estimate says little." in result.warnings
    assert not any("Fewer" in text for text in _short(steps=20).estimate(*_gaussian(30)).warnings)


def test_training_cut_short_is_said_to_rise() -> None:
    result = ESTIMATORS["dv"](steps=60).estimate(*_gaussian(4000, mi=3.0))
    assert any(text.startswith("Still rising at the last step:") for text in result.warnings)


def _warnings(train: list[float], held_out: list[float], **given: float) -> tuple[str, ...]:
    facts = {"value": held_out[-1], "samples": 1000, "candidates": 512, "done": 100, "steps": 100} | given
    return diagnostics.warn(np.float32(held_out), np.float32(train), **facts)


def test_warnings_and_their_absence() -> None:
    flat = [0.1, 0.98, 1.0, 1.0]
    assert _warnings(flat, flat) == ()
    assert _warnings([0.1, 0.5, 0.9, 1.0], [0.1, 0.5, 0.9, 1.0])[0].startswith("Still rising")
    assert _warnings([0, 0, 0.01, 0.01], [0, 0, 0.01, 0.01]) == ()  # rising, but by nothing
    assert _warnings([1, 2, 6.3, 6.3], [1, 6, 6.2, 6.2])[0].startswith(
        "The estimate exceeds log K = 6.24 nats"
    )
    assert "held-out ones 1" in _warnings([1, 1, 1, 1.4], [1, 1, 1, 1.0])[0]
    assert _warnings([1, 1, 1, 1.2], [1, 1, 1, 1.0]) == ()
    assert _warnings(flat, [-0.2] * 4, value=-0.1)[-1].startswith("The held-out value is negative")
    assert _warnings(flat, flat, done=50)[0].startswith("Stopped after step 50 of 100")


_GOOD = torch.arange(20.0).view(10, 2)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (_GOOD, _GOOD[:9], "x and y must have the same number of samples, got 10 and 9"),
        (_GOOD[:3], _GOOD[:3], "x and y must hold at least 4 paired samples, got 3"),
        (_GOOD[:, 0], _GOOD, "x must have shape (N,d), got (10,)"),
        (_GOOD, _GOOD[None], "y must have shape (N,d), got (1, 10, 2)"),
        (_GOOD[:, :0], _GOOD, "x must have shape (N,d), got (10, 0)"),
        (_GOOD.where(_GOOD != 4, torch.nan), _GOOD, "x must be finite, got NaN or infinite values"),
        (_GOOD, _GOOD.where(_GOOD != 4, torch.inf), "y must be finite, got NaN or infinite values"),
        (torch.ones(10, 2), _GOOD, "x must vary, got 10 equal samples"),
        (_GOOD, np.zeros((10, 1)), "y must vary, got 10 equal samples"),
        (_GOOD.tolist(), _GOOD, "x must be a torch.Tensor or numpy array, got list"),
        (_GOOD, _GOOD.to(torch.complex64), "y must hold real numbers, got torch.complex64"),
        (_GOOD, np.full((10, 1), "a"), "y must hold real numbers, got <U1"),
    ],
)
@pytest.mark.parametrize("name", ["dv", "gaussian"])
def test_bad_samples_are_refused_in_one_sentence(name: str, x: object, y: object, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        ESTIMATORS[name]().run(x, y)
    assert str(caught.value) == message


def test_every_fold_needs_two_samples() -> None:
    with pytest.raises(ValueError, match="at least 10 paired samples, got 9"):
        _short(folds=5).run(*_gaussian(9))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": -1}, "seed must be a whole number ≥ 0, got -1"),
        ({"steps": 0}, "steps must be a whole number ≥ 1, got 0"),
        ({"batch": 1}, "batch must be a whole number ≥ 2, got 1"),
        ({"folds": 1}, "folds must be a whole number ≥ 2, got 1"),
        ({"lr": 0.0}, "lr must be > 0, got 0.0"),
        ({"weight_decay": -1.0}, "weight_decay must be ≥ 0, got -1.0"),
        ({"hidden": ()}, "hidden must be None or a tuple of at least one width, got ()"),
        ({"hidden": (8, 0)}, "hidden must be a whole number ≥ 1, got 0"),
        ({"gaussianise": 1}, "gaussianise must be True or False, got 1"),
        ({"record_every": 0}, "record_every must be a whole number ≥ 1, got 0"),
    ],
)
def test_bad_parameters_are_refused_in_one_sentence(given: dict, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        ESTIMATORS["dv"](**given)
    assert str(caught.value) == message


def _canonical(a: np.ndarray, b: np.ndarray) -> float:
    bases = [np.linalg.qr(side - side.mean(0))[0] for side in (a, b)]
    rho = np.linalg.svd(bases[0].T @ bases[1])[1]
    return float(-0.5 * np.log1p(-(rho**2)).sum())


def test_closed_form_is_that_of_the_canonical_correlations() -> None:
    stream = np.random.default_rng(0)
    a = stream.normal(size=(500, 3))
    b = np.hstack([a @ stream.normal(size=(3, 2)), stream.normal(size=(500, 2))])
    b += stream.normal(size=b.shape) * [0.1, 1.0, 1.0, 3.0]
    result = ESTIMATORS["gaussian"](gaussianise=False).estimate(a, b)
    assert result.value == pytest.approx(_canonical(a, b), rel=1e-6)
    assert [curve.tolist() for curve in result.trace.values()] == [[1], *[[np.float32(result.value)]] * 2]


def test_closed_form_with_redundant_coordinates() -> None:
    a, b = _gaussian(500, dim=2)
    twice = torch.cat([a, a.sum(1, keepdim=True)], 1)
    estimator = ESTIMATORS["gaussian"](gaussianise=False)
    assert estimator.estimate(twice, b).value == pytest.approx(estimator.estimate(a, b).value, abs=1e-3)


def test_closed_form_warns_of_its_bias() -> None:
    warnings = ESTIMATORS["gaussian"]().estimate(*_gaussian(100, dim=5)).warnings
    assert warnings == ("With so many coordinates the closed form overshoots by about 0.12 nats.",)
    assert ESTIMATORS["gaussian"]().estimate(*_gaussian(1000)).warnings == ()


def test_closed_form_stays_finite_where_one_side_is_the_other() -> None:
    a, _ = _gaussian(300, dim=2)
    result: MIEstimate = ESTIMATORS["gaussian"]().estimate(a, a)
    assert 20 < result.value < 30
