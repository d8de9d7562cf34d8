"""The table: seeds apart, differences paired, published figures as typed and marked; and its stored form."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from advmi_core.evaluation import wilson
from advmi_core.evaluation.bootstrap import paired_bootstrap
from advmi_core.experiments.shipped import StoredError
from advmi_core.figures.robustness import table as robustness_table
from advmi_core.studies.robustness import (
    ABLATION,
    KINDS,
    ROWS,
    Line,
    RobustnessResult,
    published,
    stored,
    suite,
)
from advmi_core.studies.robustness.sanity_checks import doubts
from advmi_core.studies.robustness.suite import GUARDS, LABELS, labels

IMAGES = {"None": 50, "PGD-40": 50, "AA": 20}
RATES = {"standard": 0.5, "namid": 0.7, "trades": 0.6, "namid-t": 0.6}


def answers(count: int, rate: float, seed: int) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random(count) < rate


def result(kind: str = "whitebox", dataset: str = "cifar10", norm: str = "linf") -> RobustnessResult:
    spec = {
        "kind": kind, "dataset": dataset, "norm": norm, "eps": 0.1, "rows": list(RATES), "seeds": [0, 3],
        "attacks": {label: [] for label in IMAGES}, "images": IMAGES, "surrogate": None,
    }  # fmt: skip
    right = {
        (row, seed, attack): answers(count, rate, 10 * at + seed)
        for at, (row, rate) in enumerate(RATES.items())
        for seed in (0, 3)
        for attack, count in IMAGES.items()
    }
    return RobustnessResult(spec, right)


def line(found: RobustnessResult, row: str, attack: str) -> Line:
    (only,) = [line for line in found.table() if (line.row, line.attack) == (row, attack)]
    return only


def test_seeds_are_never_pooled() -> None:
    found = result()
    for at in found.table():
        assert at.images == IMAGES[at.attack]
        values = []
        for seen in at.seeds:
            right = found.right[at.row, seen.seed, at.attack]
            assert seen.accuracy.interval == wilson(int(right.sum()), IMAGES[at.attack])
            values.append(right.mean())
        assert at.mean == pytest.approx(np.mean(values))
        assert at.std == pytest.approx(abs(values[0] - values[1]) / math.sqrt(2))
    # Twice the same answers is not twice the evidence: the interval is that of one seed.
    copied = RobustnessResult(found.spec, {cell: found.right[cell[0], 0, cell[2]] for cell in found.right})
    once, twice = line(found, "namid", "PGD-40").seeds[0], line(copied, "namid", "PGD-40").seeds
    assert once.accuracy == twice[0].accuracy == twice[1].accuracy
    assert once.difference == twice[0].difference == twice[1].difference
    assert line(copied, "namid", "PGD-40").std == 0


def test_each_row_is_held_against_its_own_baseline_seed_by_seed() -> None:
    found = result()
    assert {row: line(found, row, "AA").baseline for row in RATES} == {
        "standard": None, "namid": "Standard", "trades": None, "namid-t": "TRADES",
    }  # fmt: skip
    for row, base in (("namid", "standard"), ("namid-t", "trades")):
        at = line(found, row, "PGD-40")
        for seen in at.seeds:
            mine, other = (found.right[name, seen.seed, "PGD-40"] for name in (row, base))
            assert seen.difference == paired_bootstrap(mine, other)
            assert seen.difference is not None
            assert seen.difference.mean == pytest.approx(mine.mean() - other.mean())
        assert at.difference == pytest.approx(at.mean - line(found, base, "PGD-40").mean)
    assert {name: variant.baseline for name, variant in ROWS.items()} == {
        "standard": None, "wmim": "standard", "namid": "standard", "trades": None, "namid-t": "trades",
        "mart": None, "namid-m": "mart",
    }  # fmt: skip
    alone = RobustnessResult(found.spec | {"rows": ["namid"]}, found.right)
    assert line(alone, "namid", "AA").baseline is None
    assert line(alone, "namid", "AA").seeds[0].difference is None


def test_the_bootstrap_is_that_of_images_drawn_anew() -> None:
    """Against the plain way: indices with replacement, another random generator."""
    a, b = answers(80, 0.6, 1), answers(80, 0.4, 2)
    found = paired_bootstrap(a, b, seed=1)
    rng = np.random.default_rng(0)
    apart = a.astype(float) - b
    plain = np.quantile(apart[rng.integers(0, 80, (20_000, 80))].mean(1), [0.025, 0.975])
    assert found.mean == pytest.approx(apart.mean())
    assert (found.low, found.high) == pytest.approx(tuple(plain), abs=0.0126)  # one image
    assert paired_bootstrap(b, a, seed=1).mean == -found.mean
    twins = paired_bootstrap(a, a)
    assert (twins.mean, twins.low, twins.high) == (0, 0, 0)
    always = paired_bootstrap(np.ones(5, np.bool_), np.zeros(5, np.bool_))
    assert (always.mean, always.low, always.high) == (1, 1, 1)
    assert math.isnan(paired_bootstrap(np.zeros(0, np.bool_), np.zeros(0, np.bool_)).mean)
    with pytest.raises(ValueError, match="a and b must both be"):
        paired_bootstrap([0.1, 0.2], [0.1, 0.2])
    with pytest.raises(ValueError, match="a and b must both be"):
        paired_bootstrap(a, b[:3])


def test_published_figures_are_the_papers() -> None:
    def of(*cell: str) -> tuple[float, str, bool]:
        found = published(*cell)
        assert found is not None
        return round(100 * found.accuracy, 6), found.dataset, found.same_dataset

    assert of("whitebox", "cifar10", "linf", "namid-t", "PGD-40") == (47.53, "cifar10", True)
    assert of("whitebox", "cifar10", "l2", "mart", "DDN") == (34.69, "cifar10", True)
    assert of("whitebox", "tiny-imagenet", "linf", "wmim", "FWA-40") == (9.25, "tiny-imagenet", True)
    assert of("whitebox", "tiny-imagenet", "l2", "namid-m", "None") == (48.72, "tiny-imagenet", True)
    assert of("blackbox", "cifar10", "linf", "namid", "AA") == (63.72, "cifar10", True)
    assert of("whitebox", "fashion-mnist", "linf", "standard", "TI-DIM") == (55.63, "cifar10", False)
    assert published("whitebox", "cifar10", "linf", "namid", "PGD-100") is None
    assert published("blackbox", "cifar10", "linf", "mart", "AA") is None
    assert published("ablation", "cifar10", "linf", "namid", "AA") is None
    for norm in LABELS:
        for row in ROWS:
            for label in LABELS[norm]:
                assert published("whitebox", "cifar10", norm, row, label) is not None


def test_published_figures_enter_no_measured_number(monkeypatch: pytest.MonkeyPatch) -> None:
    with_them = result().table()
    monkeypatch.setattr("advmi_core.studies.robustness.results.published", lambda *cell: None)
    for at, without in zip(with_them, result().table(), strict=True):
        assert at.published is not None
        assert without.published is None
        assert (at.seeds, at.mean, at.difference) == (without.seeds, without.mean, without.difference)
    columns = robustness_table.wide(with_them)[0]
    assert [name for name in columns if "published" in name] == [
        f"{attack}, published, CIFAR-10" for attack in IMAGES
    ]
    assert columns["PGD-40, published, CIFAR-10"] == "42.38"
    assert [name for name in columns if "published" not in name][1:] == [
        "None, % of 50", "PGD-40, % of 50", "AA, % of 20",
    ]  # fmt: skip


def test_differences_mark_what_leaves_zero_out() -> None:
    found = result()
    right = dict(found.right)
    right["namid", 0, "AA"], right["standard", 0, "AA"] = np.ones(20, np.bool_), np.zeros(20, np.bool_)
    right["namid", 3, "AA"] = right["standard", 3, "AA"]
    texts = robustness_table.differences(RobustnessResult(found.spec, right).table())
    assert [text["difference"] for text in texts] == ["NAMID − Standard"] * 3 + ["NAMID_T − TRADES"] * 3
    assert texts[2]["attack"] == "AA"
    assert texts[2]["seed 0 [95 %]"] == "+100.00 [+100.00, +100.00] ●"
    assert texts[2]["seed 3 [95 %]"] == "0.00 [0.00, 0.00]"
    assert texts[2]["mean ± std"] == "+50.00 ± 70.71"


def test_columns_are_as_stated() -> None:
    assert labels("linf") == (
        "None",
        "PGD-40",
        "AA",
        "FWA-40",
        "TI-DIM",
        "PGD-1",
        "PGD-10",
        "PGD-100",
        GUARDS[4],
    )
    assert labels("l2")[:4] == ("None", "PGD-40", "CW", "DDN")
    for norm in LABELS:
        columns = suite(0.08, norm)
        assert columns["None"] == ()
        for name, moves in (("PGD-1", 1), ("PGD-10", 10), ("PGD-40", 40), ("PGD-100", 100)):
            (attack,) = columns[name]
            spec = attack.spec()
            # It looks before it moves, so one more look judges the last move; None is a step of ε/4.
            assert (spec["steps"], spec["norm"], spec["eps"]) == (moves + 1, norm, 0.08)
            assert (spec["step_size"], spec["random_start"], spec["loss"]) == (None, True, "ce")
        assert all(attack.spec()["mi_steps"] == 0 for column in columns.values() for attack in column)
        json.dumps([attack.spec() for column in columns.values() for attack in column])
    assert suite(0.5, "l2")["CW"][0].spec()["steps"] == suite(0.5, "l2")["DDN"][0].spec()["steps"] == 20
    assert suite(0.5)["FWA-40"][0].spec()["step_size"] == 0.007
    with pytest.raises(ValueError, match="norm must be"):
        suite(0.1, "l1")
    with pytest.raises(ValueError, match="eps must be"):
        suite(-0.1)


def test_the_ablation_changes_one_thing_a_row() -> None:
    assert {name: dict(variant.changes) for name, variant in ABLATION.items()} == {
        "standard": {}, "namid": {}, "namid-no-adversarial": {"terms": "natural"},
        "namid-no-natural": {"terms": "adversarial"}, "namid-no-penalty": {"penalty": 0.0},
        "namid-first-stage": {},
    }  # fmt: skip
    assert [name for name, variant in ABLATION.items() if variant.first_stage] == ["namid-first-stage"]
    assert all(variant.baseline in (None, "standard", "namid") for variant in ABLATION.values())
    assert set(KINDS) == {"whitebox", "blackbox", "ablation"}


def test_doubts_are_told_and_only_then() -> None:
    pgd = np.arange(100) < 50
    calm = {"PGD-40": pgd, "AA": np.arange(40) < 40, "PGD-100": np.arange(100) < 49}
    assert doubts(calm) == []
    (said,) = doubts({"PGD-40": pgd, "AA": np.arange(100) < 52})
    assert said.startswith("AA leaves 2 of 100 images more right than PGD-40")
    (said,) = doubts({"PGD-40": pgd, "PGD-40 ×5": np.arange(100) < 48})
    assert said.startswith("PGD-40 ×5 breaks 2 of 100 images more than PGD-40")
    (said,) = doubts({"PGD-1": pgd, "PGD-10": np.arange(100) < 52, "PGD-40": pgd, "PGD-100": pgd})
    assert said.startswith("PGD-10 leaves 2 of 100 images more right than PGD-1")
    (said,) = doubts({"PGD-40": pgd, "PGD-100": np.arange(100) < 52})
    assert said.startswith("PGD-100 leaves 2 of 100 images more right than PGD-40")
    assert doubts({"AA": pgd}) == []


def test_a_result_tells_the_doubts_of_its_models_but_not_of_transferred_images() -> None:
    seen = result()
    weak = {cell: np.ones_like(right) if cell[2] == "AA" else right for cell, right in seen.right.items()}
    said = RobustnessResult(seen.spec, weak).doubts()
    assert len(said) == len(RATES) * 2
    assert said[1].startswith("Standard, seed 3: AA leaves ")
    transferred = RobustnessResult(seen.spec | {"surrogate": {"model": "vgg19-w8"}}, weak)
    assert transferred.doubts() == []


@pytest.mark.parametrize("kind", ["whitebox", "blackbox"])
def test_stored_and_loaded_is_the_same(kind: str, tmp_path: Path) -> None:
    found = result(kind, "fashion-mnist")
    paths = stored.save(found, tmp_path)
    assert [path.name for path in paths] == [f"{kind}-fashion-mnist-linf{end}" for end in (".json", ".npz")]
    again = stored.load(kind, "fashion-mnist", folder=tmp_path)
    assert again.complete
    assert again.spec == found.spec
    assert again.table() == found.table()
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in stored.save(again, tmp_path)] == first


def test_what_is_not_stored_or_damaged_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoredError, match="no stored result named 'whitebox-cifar10-linf'; there are: none"):
        stored.load("whitebox", "cifar10", folder=tmp_path)
    table, bits = stored.save(result(), tmp_path)
    with pytest.raises(StoredError, match="there are: whitebox-cifar10-linf; `advmi table ablation --run"):
        stored.load("ablation", "cifar10", folder=tmp_path)
    with pytest.raises(ValueError, match="kind must be one of"):
        stored.load("grey", "cifar10", folder=tmp_path)
    good = bits.read_bytes()
    for damaged in (good[:40], b""):
        bits.write_bytes(damaged)
        with pytest.raises(StoredError, match="missing or damaged"):
            stored.load("whitebox", "cifar10", folder=tmp_path)
    bits.write_bytes(good)
    facts: dict[str, Any] = json.loads(table.read_text(encoding="utf-8"))
    for changed, said in (
        ("[]", "is no stored result"),
        (json.dumps(facts | {"format": 9}), "has format 9, wanted 1"),
        (json.dumps(facts | {"spec": facts["spec"] | {"dataset": "mnist"}}), "not the result that its name"),
        (json.dumps(facts | {"spec": {}}), "is no stored result"),
    ):
        table.write_text(changed, encoding="utf-8")
        with pytest.raises(StoredError, match=said):
            stored.load("whitebox", "cifar10", folder=tmp_path)
    part = RobustnessResult(result().spec, {("namid", 0, "AA"): answers(3, 0.5, 0)})
    assert not part.complete
    with pytest.raises(ValueError, match="only a complete result is stored"):
        stored.save(part, tmp_path)
