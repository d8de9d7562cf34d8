"""What a table says agrees with what the model says, and no image counts twice or unasked."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from scipy import stats

from advmi_core import data, models
from advmi_core.attacks import PGD, AttackResult
from advmi_core.evaluation import ImageTable, compare, moments, summarise, tabulate, wilson
from advmi_core.objectives import Classification, Reconstruction

N = 40


def _result(eps: float, seed: int = 0, mi_steps: int = 5) -> AttackResult:
    """An attack on images of which the model gets some wrong from the start."""
    images = data.load("fashion-mnist", split="test")
    attack = PGD(eps=eps, steps=4, seed=seed, mi_steps=mi_steps)
    return attack(Classification(models.load("cnn"), images.y[:N]), images.x[:N])


def _table(index: list[int], **columns: object) -> ImageTable:
    """A made-up table: all correct and successful, values 1, unless columns say otherwise."""
    n = len(index)
    every = {name: np.ones(n) for name in ImageTable.left_out([]).arrays()}
    return ImageTable.from_arrays(every | {"index": np.array(index)} | columns)


@pytest.mark.parametrize("eps", [0.0, 0.01, 0.03, 0.3])
def test_success_is_a_recount_by_a_fresh_forward_pass(eps: float) -> None:
    result = _result(eps, mi_steps=0)
    model, y = models.load("cnn").eval(), data.load("fashion-mnist", split="test").y[:N]
    with torch.no_grad():
        right = model(result.x).argmax(1) == y
        fooled = model(result.x_adv).argmax(1) != y
    assert 0 < int((~right).sum()) < N  # or "initially correct" would not be tested
    found = summarise(tabulate(result, range(N)))
    wanted = int((right & fooled).sum())
    assert (found.images, found.counted, found.succeeded) == (N, int(right.sum()), wanted)
    assert found.asr == wanted / int(right.sum())
    assert found.asr_interval == wilson(wanted, int(right.sum()))
    assert found.asr == pytest.approx(result.asr)


def test_between_none_and_all_succeed_somewhere() -> None:
    assert 0 < summarise(tabulate(_result(0.03, mi_steps=0), range(N))).asr < 1


def test_initially_wrong_images_are_blank_and_change_no_number() -> None:
    result = _result(0.1)
    table = tabulate(result, range(100, 100 + N))
    wrong = ~result.correct.numpy()
    assert bool(result.success.numpy()[wrong].any())  # the attack "succeeded" on them, but they do not count
    assert not table.success[wrong].any()
    assert (table.queries[wrong] == 0).all()
    for name, values in table.arrays().items():
        if values.dtype == np.float32:
            assert np.isnan(values[wrong]).all(), name
    everything, without = summarise(table).facts(), summarise(table.take(~wrong)).facts()
    assert everything.pop("images") == N
    assert without.pop("images") == N - wrong.sum()
    assert everything == without
    blank = ImageTable.left_out(table.index[wrong]).arrays()
    for name, values in table.take(wrong).arrays().items():
        np.testing.assert_array_equal(values, blank[name], name)


def test_columns_are_those_of_the_result() -> None:
    result = _result(0.1)
    table, right = tabulate(result, range(N)), result.correct.numpy()
    for name in ("criterion", "information", "kept", "mi", "l2", "linf", "queries"):
        np.testing.assert_allclose(
            table.arrays()[name][right], getattr(result, name).numpy()[right], rtol=1e-6, err_msg=name
        )
    assert {name: values.dtype.name for name, values in table.arrays().items()} == {
        "index": "int64", "correct": "bool", "success": "bool", "queries": "int64",
        **dict.fromkeys(
            ("criterion", "information", "kept", "mi", "mi_loop", "l0", "l1", "l2", "linf", "psnr", "ssim"),
            "float32",
        ),
    }  # fmt: skip


def test_mi_and_distances_are_over_the_images_that_succeeded() -> None:
    mi = np.array([1.0, 2.0, 4.0, 99.0, np.nan, 98.0])
    table = _table(
        [0, 1, 2, 3, 4, 5],
        mi=mi, l2=np.array([1.0, 2, 3, 50, 6, 60]), mi_loop=np.full(6, np.nan),
        success=np.array([True, True, True, False, True, False]),
        correct=np.array([True, True, True, True, True, False]),
    )  # fmt: skip
    found = summarise(table)
    assert (found.counted, found.succeeded, found.asr) == (5, 4, 0.8)
    assert (found.mi.n, found.mi.mean, found.mi.std) == (3, pytest.approx(7 / 3), pytest.approx(mi[:3].std()))
    assert found.mi.quantiles == {q: np.percentile(mi[:3], q) for q in (5, 25, 50, 75, 95)}
    assert found.l2 == 3.0
    assert found.mi_loop.n == 0
    facts = found.facts()
    assert facts["mi_loop"]["mean"] is None
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


@pytest.mark.parametrize("table", [ImageTable.join([]), ImageTable.left_out([3, 1])])
def test_nothing_counted_is_unknown_and_not_zero(table: ImageTable) -> None:
    found = summarise(table)
    assert (found.images, found.counted, found.succeeded) == (len(table), 0, 0)
    assert math.isnan(found.asr)
    assert found.facts()["asr_interval"] == [None, None]
    assert found.facts()["ssim"] is None


def test_an_unsupervised_result_counts_every_image() -> None:
    images = data.load("fashion-mnist", split="test")
    result = PGD(eps=0.3, steps=4, mi_steps=0)(Reconstruction(models.load("ae-conv")), images.x[:6])
    found = summarise(tabulate(result, range(6)))
    assert found.counted == 6
    assert found.succeeded == int(result.success.sum())


def test_moments_of_known_numbers() -> None:
    found = moments([*range(101), np.nan, np.inf])
    assert (found.n, found.mean) == (101, 50)
    assert found.quantiles == {5: 5.0, 25: 25.0, 50: 50.0, 75: 75.0, 95: 95.0}
    assert found.std == pytest.approx(np.arange(101).std())


def test_compare_matches_by_index_where_both_succeed() -> None:
    stream = np.random.default_rng(0)
    a_mi, b_mi = stream.normal(2, 1, 30).astype(np.float32), stream.normal(1, 1, 30).astype(np.float32)
    order = stream.permutation(30)
    won = np.arange(30) % 5 > 0
    a = _table(list(range(30)), mi=a_mi, l2=np.arange(30), success=won)
    b = _table([*order.tolist(), 77], mi=[*b_mi[order], 5.0], l2=[*(2.0 * order), 9.0])
    found = compare(a, b)
    assert found.images == found.mi.n == 24
    wanted = stats.ttest_rel(a_mi[won].astype(float), b_mi[won].astype(float))
    assert found.mi.mean == pytest.approx(float(np.mean(a_mi[won].astype(float) - b_mi[won])))
    assert (found.mi.low, found.mi.high) == pytest.approx(tuple(wanted.confidence_interval()))
    assert found.l2.mean == pytest.approx(-np.arange(30)[won].mean())
    assert (found.kept.mean, found.ssim.mean) == (0, 0)
    assert found.mi.times(100).low == pytest.approx(100 * found.mi.low)
    turned = compare(b, a)
    assert (turned.images, turned.mi.mean) == (24, pytest.approx(-found.mi.mean))


def test_seeds_are_never_pooled_as_images() -> None:
    two_seeds = ImageTable.join([_table([4, 5, 6]), _table([6, 5, 7])])
    one = _table([5])
    for refused in (lambda: compare(two_seeds, one), lambda: compare(one, two_seeds)):
        with pytest.raises(ValueError, match="got index 5, 6 more than once"):
            refused()
    with pytest.raises(ValueError, match="under several seeds is not several images"):
        summarise(two_seeds)


def test_a_table_survives_files_and_shards() -> None:
    table = tabulate(_result(0.03, mi_steps=0), range(N))
    shards = [table.take(np.arange(start, min(start + 7, N))) for start in range(0, N, 7)]
    for again in (ImageTable.join(shards), ImageTable.from_arrays(table.arrays() | {"other": np.ones(3)})):
        for name, values in again.arrays().items():
            np.testing.assert_array_equal(values, table.arrays()[name], name)
    assert len(table) == N


def test_an_image_s_row_does_not_depend_on_its_shard() -> None:
    result = _result(0.1, mi_steps=0)
    whole, model = tabulate(result, range(N)), models.load("cnn")
    y = data.load("fashion-mnist", split="test").y
    alone = PGD(eps=0.1, steps=4, mi_steps=0)(Classification(model, y[5:6]), result.x[5:6], rows=[5])
    torch.testing.assert_close(alone.x_adv[0], result.x_adv[5], rtol=0, atol=1e-6)
    for name, values in tabulate(alone, [5]).arrays().items():
        np.testing.assert_allclose(values, whole.take(np.array([5])).arrays()[name], 1e-5, 1e-6, err_msg=name)


def test_tables_name_what_does_not_fit() -> None:
    good = _table([1, 2]).arrays()
    with pytest.raises(ValueError, match=r"must all be \(N,\)"):
        ImageTable.from_arrays(good | {"mi": np.ones(3)})
    with pytest.raises(ValueError, match="missing: mi"):
        ImageTable.from_arrays({name: values for name, values in good.items() if name != "mi"})
    with pytest.raises(ValueError, match="index must be ≥ 0, got -1"):
        ImageTable.from_arrays(good | {"index": np.array([3, -1])})
    with pytest.raises(ValueError, match="success must be False where"):
        ImageTable.from_arrays(good | {"correct": np.array([True, False])})
    with pytest.raises(ValueError, match=rf"index must name {N} images, got shape \(3,\)"):
        tabulate(_result(0.0, mi_steps=0), [1, 2, 3])
