"""Equal samples: copies are used once, discrete values are told, and what comes twice by chance is kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from torch import Tensor

from advmi_core.mi import ESTIMATORS, TASKS, MIEstimate
from advmi_core.mi.dataset.gaussianise import mean_ranks
from advmi_core.mi.ties import counted, look_at, originals

SHORT = {"steps": 100, "hidden": (32,), "code": 16, "batch": 128}


def _kept(x: np.ndarray, y: np.ndarray) -> int:
    return int(originals(look_at(x), look_at(y)).sum())


def _estimate(name: str, x: Tensor, y: Tensor, **given: object) -> MIEstimate:
    return ESTIMATORS[name](**({} if name == "gaussian" else SHORT) | given).estimate(x, y)


def _symbols(n: int, kinds: int = 8) -> Tensor:
    drawn = torch.randint(kinds, (n,), generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.one_hot(drawn, kinds).float()


def test_ranks_are_those_of_scipy() -> None:
    stream = np.random.default_rng(0)
    values = np.column_stack([stream.normal(size=200), stream.integers(5, size=200), np.zeros(200)])
    values[:50, 0] = -0.0
    assert np.array_equal(mean_ranks(values), rankdata(values, axis=0))


@pytest.mark.fault("M1")
@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("dim", [1, 5])
def test_copies_of_independent_pairs_prove_nothing(name: str, dim: int) -> None:
    x, y = torch.randn(2, 100, dim, generator=torch.Generator().manual_seed(0))
    result = _estimate(name, x.repeat(10, 1), y.repeat(10, 1))
    assert result.value < 0.3
    assert any(text.startswith("900 of the 1,000 samples are duplicates") for text in result.warnings)
    assert (result.parameters["samples"], result.parameters["copies"]) == (100, 900)


@pytest.mark.fault("M1")
def test_the_defaults_see_through_copies_as_well() -> None:
    x, y = torch.randn(2, 100, 5, generator=torch.Generator().manual_seed(0))
    assert ESTIMATORS["dv"]().estimate(x.repeat(10, 1), y.repeat(10, 1)).value < 0.3


@pytest.mark.parametrize("name", ["dv", "gaussian"])
def test_repeating_every_sample_changes_nothing(name: str) -> None:
    x, y = TASKS["gaussian"](dim=2, mi=1.0).sample(400, seed=1)
    once, thrice = (_estimate(name, x.repeat(n, 1), y.repeat(n, 1)) for n in (1, 3))
    assert once.value == thrice.value
    assert once.parameters["copies"] == 0


@pytest.mark.fault("M1")
def test_copies_of_one_side_with_other_partners_are_told() -> None:
    stream = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 100, 3, generator=stream)
    jittered = y.repeat(10, 1) + 1e-4 * torch.randn(1000, 3, generator=stream)
    told = _estimate("dv", x.repeat(10, 1), jittered).warnings
    assert any("Only 100 of the 1,000 samples of x are distinct" in t and "unreliable" in t for t in told)
    assert not any("samples of y" in text for text in told)


def test_too_few_different_pairs_are_refused() -> None:
    x = torch.randn(3, 2, generator=torch.Generator().manual_seed(0)).repeat(5, 1)
    with pytest.raises(ValueError, match="at least 4 different paired samples, got 3 and 12 copies"):
        ESTIMATORS["dv"]().estimate(x, x)


def test_what_meets_by_chance_is_kept() -> None:
    stream = np.random.default_rng(0)
    normal = stream.normal(size=(2000, 2))
    grey = np.round(stream.random((2000, 1)) * 255) / 255
    symbols = _symbols(2000).double().numpy()
    clipped = np.maximum(normal, 0)
    for name, side in {
        "one-hot": symbols,
        "standardised one-hot": (symbols - symbols.mean(0)) / symbols.std(0),
        "counts": stream.poisson(3, (2000, 1)).astype(float),
        "grey levels": grey,
        "grey levels in float32": grey.astype(np.float32).astype(float),
        "half precision": normal[:, :1].astype(np.float16).astype(float),
        "zeros after a ReLU": clipped,
    }.items():
        assert _kept(side, side) == 2000, name
    assert _kept(symbols, clipped) == 2000


def test_what_cannot_meet_by_chance_is_a_copy() -> None:
    stream = np.random.default_rng(0)
    images = np.round(stream.random((50, 64)) * 255) / 255
    for name, side in {
        "continuous": stream.normal(size=(50, 1)),
        "multiples of 2⁻²⁴": torch.rand(50, 1, generator=torch.Generator().manual_seed(0)).double().numpy(),
        "images": images,
        "half of the values 0": np.maximum(stream.normal(size=(50, 8)), 0),
    }.items():
        distinct = len(np.unique(side, axis=0))
        twice = np.tile(side, (4, 1))
        assert _kept(twice, twice) == distinct, name


@pytest.mark.fault("M2")
@pytest.mark.parametrize("gaussianise", [True, False])
def test_the_closed_form_of_symbols_is_called_unreliable(gaussianise: bool) -> None:
    x = _symbols(2000)
    result = _estimate("gaussian", x, x, gaussianise=gaussianise)
    told = " ".join(result.warnings)
    assert "x takes 8 and y takes 8 distinct values" in told
    assert "at most 2.08 nats; counting the pairs gives 2.08" in told
    assert f"The value is unreliable: {result.value:.3g} nats are more than that." in told


@pytest.mark.fault("M2")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_discrete_samples_are_noticed_on_either_side(name: str) -> None:
    x = _symbols(1000)
    y = x[:, :1] + torch.randn(1000, 1, generator=torch.Generator().manual_seed(1))
    for pair in ((x, y), (y, x)):
        told = " ".join(_estimate(name, *pair).warnings)
        assert f"Discrete samples: {'xy'[pair[0] is y]} takes 8 distinct values" in told
        assert ("unreliable" in told) == (name == "gaussian")


def test_continuous_samples_are_not_called_discrete() -> None:
    for task in ("gaussian", "half-cube", "spiral"):
        side = TASKS[task](dim=2).sample(1000, seed=0)[0].double().numpy()
        assert not look_at(side).discrete
    assert not look_at(np.random.default_rng(0).integers(0, 2**30, (1000, 1)).astype(float)).discrete


@pytest.mark.parametrize("mi", [0.0, 0.5, 1.5, math.log(8)])
def test_counting_finds_the_truth_of_a_channel(mi: float) -> None:
    x, y = TASKS["noisy-channel"](mi=mi).sample(10_000, seed=0)
    assert counted(look_at(x.double().numpy()), look_at(y.double().numpy())) == pytest.approx(mi, abs=0.03)


def test_a_determined_coordinate_is_told() -> None:
    x = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    told = _estimate("gaussian", x, x[:, :1]).warnings
    assert any(text.startswith("The value is unreliable: some coordinates") for text in told)
    few = torch.randn(2, 20, 15, generator=torch.Generator().manual_seed(0))
    assert any("too few for so many coordinates" in text for text in _estimate("gaussian", *few).warnings)


def _cauchy(n: int = 5000) -> Tensor:
    over, under = torch.randn(2, 2, n, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return over / under


@pytest.mark.fault("M4")
@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "gaussian"])
def test_heavy_tails_do_not_ruin_the_value_and_are_told(name: str) -> None:
    x, y = _cauchy()
    result = ESTIMATORS[name](gaussianise=False, steps=300).estimate(x, y)
    assert -1 < result.value < 0.1
    assert any("unreliable: samples of x lie up to" in t and "gaussianise=True" in t for t in result.warnings)
    assert not any("nan" in text for text in result.warnings)


@pytest.mark.fault("M4")
def test_a_value_far_below_zero_is_called_unreliable() -> None:
    from advmi_core.mi.diagnostics import warn

    curve = np.float32([-3.0, -3.0])
    told = warn(curve, curve, value=-3.0, samples=1000, candidates=512, done=10, steps=10)
    assert any(text.startswith("The value is unreliable: -3 nats lie far below 0") for text in told)


@pytest.mark.fault("M5")
def test_many_coordinates_of_one_dependence_are_warned_of() -> None:
    x, y = TASKS["gaussian"](dim=16, mi=2.3).sample(2000, seed=0)
    result = ESTIMATORS["dv"](steps=300).estimate(x, y)
    assert result.value < 2.3
    assert any("the bound is overfitting" in text for text in result.warnings)
