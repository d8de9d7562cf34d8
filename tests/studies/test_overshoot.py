"""Few pairs are learnt by heart: in sample above the truth and log K, held out below; many pairs agree."""

from __future__ import annotations

import math
from typing import Any

import pytest

from advmi_core.mi.dataset.cross_fit import CrossFit
from advmi_core.mi.dataset.estimators import DV
from advmi_core.studies.critics.overshoot import KS, SampleSizeSweep, pairs_a_fold, reached


@pytest.mark.parametrize("k", [4, 5, *KS, 100, 577, 1023])
def test_the_critic_trains_on_exactly_k_pairs(k: int) -> None:
    a, b = SampleSizeSweep().pairs().sample(2 * pairs_a_fold(k))
    assert CrossFit(a, b, DV(hidden=(4,))._recipe()).train.shape == (2, k)


def test_few_pairs_overshoot_and_many_do_not() -> None:
    result = SampleSizeSweep(ks=(1024, 16), steps=120, seeds=1).run().drain()
    assert result.ks == (16, 1024)
    few, many = result.train[:, 0]
    assert few > math.log(16) > result.truth
    assert many == pytest.approx(result.truth, abs=0.25)
    assert result.held_out[0, 0] < 0
    assert result.held_out[1, 0] == pytest.approx(result.truth, abs=0.25)


def test_of_independent_pairs_everything_is_made_up() -> None:
    result = SampleSizeSweep(mi=0.0, ks=(16,), steps=120, seeds=1).run().drain()
    assert result.truth == 0
    assert result.train[0, 0] > 1
    assert result.held_out[0, 0] < 0.1


def test_records_tell_k_and_step_in_the_asked_order() -> None:
    sweep = SampleSizeSweep(ks=(64, 16), steps=10, seeds=2)
    records = list(sweep.run(record_every=5))
    assert [(r.k, r.at) for r in records] == [(k, at) for k in (64, 16) for at in (1, 5, 10)]
    assert [r.step for r in records] == [1, 5, 10, 11, 15, 20]
    assert records[-1].total == 20
    assert records[0].train.shape == records[0].held_out.shape == (2,)


def test_closing_keeps_the_k_that_are_done() -> None:
    sweep = SampleSizeSweep(ks=(64, 16), steps=10, seeds=1)
    run = sweep.run(record_every=5)
    seen = [next(run) for _ in range(5)]
    assert run.result.ks == (64,)
    assert run.result.train[0, 0] == seen[2].train[0]
    assert reached(sweep, seen).ks == (64,)
    assert reached(sweep, seen[:2]).train.shape == (0, 1)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ks": ()}, "ks"),
        ({"ks": (16, 16)}, "ks"),
        ({"ks": (3,)}, "ks"),
        ({"dim": 0}, "dim"),
        ({"lr": 0.0}, "lr"),
    ],
)
def test_bad_wishes_are_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        SampleSizeSweep(**change)
