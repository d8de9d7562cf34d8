"""Bounds racing side by side give what each gives alone, in a fair order, and keep what they found."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from advmi_core.studies.critics.live import TRAINED, BoundComparison

SMALL: dict[str, Any] = {"samples": 128, "steps": 20, "seeds": 2, "bounds": ("dv", "nwj", "infonce")}


def test_a_race_changes_nobodys_result() -> None:
    spec = BoundComparison(**SMALL, dim=2, mi=0.7, seed=3)
    result = spec.run(record_every=4).drain()
    for index, bound in enumerate(spec.bounds):
        for repetition in range(2):
            seed = 3 + repetition
            sample = spec.pairs().sample(128, seed=seed)
            alone = TRAINED[bound](seed=seed, steps=20, record_every=4).estimate(*sample)
            assert result.values[index, repetition] == pytest.approx(alone.value, abs=1e-6)
    assert result.truth == pytest.approx(0.7)


def test_every_bound_advances_in_turn_and_all_its_seeds_together() -> None:
    records = list(BoundComparison(**SMALL).run(record_every=5))
    assert records[0].at.tolist() == [1, 0, 0]
    assert records[2].at.tolist() == [1, 1, 1]
    for record in records:
        known = np.isfinite(record.held_out).all(axis=1)
        assert known.tolist() == (record.at > 0).tolist()
        assert record.at.max() - record.at.min() <= 5
    assert [record.step for record in records] == sorted(record.step for record in records)
    assert records[-1].step == records[-1].total == 20 * 2 * 3


def test_records_are_not_changed_by_later_ones() -> None:
    run = BoundComparison(**SMALL).run(record_every=5)
    first = next(run)
    before = first.held_out.copy()
    next(run)
    np.testing.assert_array_equal(first.held_out, before)


def test_closing_keeps_what_was_found_and_says_so() -> None:
    run = BoundComparison(**SMALL).run(record_every=5)
    for _ in range(4):
        next(run)
    result = run.result
    assert result.values.shape == (3, 2)
    for texts in result.warnings:
        (stopped,) = [text for text in texts if text.startswith("Stopped after step")]
        assert stopped.endswith("(2 seeds alike)")


def test_mean_and_spread_are_those_of_the_seeds() -> None:
    result = BoundComparison(**SMALL).run().drain()
    np.testing.assert_allclose(result.mean, result.values.sum(1) / 2)
    np.testing.assert_allclose(result.spread, np.abs(np.diff(result.values))[:, 0] / math.sqrt(2))
    single = BoundComparison(**{**SMALL, "seeds": 1, "steps": 2}).run().drain()
    assert np.isnan(single.spread).all()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"bounds": ()}, "bounds"),
        ({"bounds": ("dv", "dv")}, "bounds"),
        ({"bounds": ("gaussian",)}, "bounds"),
        ({"task": "magic"}, "task"),
        ({"task": "spiral", "dim": 1}, "dim"),
        ({"mi": -1.0}, "mi"),
        ({"seeds": 0}, "seeds"),
        ({"steps": 1.5}, "steps"),
    ],
)
def test_bad_wishes_are_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        BoundComparison(**change)
