"""Several people's images in one batch: each gets what the attack alone would have given."""

from __future__ import annotations

import itertools

import pytest
import torch

from advmi_core import data, models
from advmi_core.attacks import PGD, Attack, MinMax
from advmi_core.attacks.core.together import together
from advmi_core.objectives import Classification, Objective, Reconstruction

PARTS = ([3], [8, 11], [19])


def _tasks(kind: str) -> list[tuple[Objective, torch.Tensor]]:
    images = data.load("fashion-mnist", split="test", download=False)
    net = models.load("cnn" if kind == "cnn" else "ae-conv", dataset="fashion-mnist", device="cpu")
    chosen = [images.take(part) for part in PARTS]
    return [(Classification(net, c.y) if kind == "cnn" else Reconstruction(net), c.x) for c in chosen]


@pytest.mark.fault("L1")
@pytest.mark.parametrize(
    ("kind", "attack"),
    [("cnn", PGD(eps=0.1, steps=10)), ("cnn", MinMax.published(eps=0.3, steps=30)),
     ("ae", MinMax.published(eps=1.0, steps=10, inner=5))],
)  # fmt: skip
def test_records_and_results_are_those_of_a_run_alone(kind: str, attack: Attack) -> None:
    tasks = _tasks(kind)
    runs = together(attack, tasks)
    records = [list(run) for run in runs]
    for run, seen, (objective, x) in zip(runs, records, tasks, strict=True):
        alone = attack.run(objective, x)
        steps = list(alone)
        assert [record.step for record in seen] == [record.step for record in steps]
        for ours, theirs in zip(seen, steps, strict=True):
            torch.testing.assert_close(ours.x_adv, theirs.x_adv, atol=1e-4, rtol=0)
            torch.testing.assert_close(ours.mi, theirs.mi, atol=1e-3, rtol=0, equal_nan=True)
            assert torch.equal(ours.rows, theirs.rows)
        got, wanted = run.result, alone.result
        assert torch.equal(got.success, wanted.success)
        assert torch.equal(got.queries, wanted.queries)
        assert got.spec == wanted.spec
        torch.testing.assert_close(got.x_adv, wanted.x_adv, atol=1e-4, rtol=0)
        # Fresh critics measure it in a hundred steps, over which rounding grows to a hundredth of a nat.
        torch.testing.assert_close(got.mi, wanted.mi, atol=0.05, rtol=0)
        torch.testing.assert_close(got.x, x)


def test_who_leaves_keeps_what_was_found_and_the_others_go_on() -> None:
    first, second, third = together(PGD(eps=0.1, steps=10), _tasks("cnn"))
    assert [record.step for record in itertools.islice(first, 4)] == [1, 2, 3, 4]
    first.close()
    assert int(first.result.queries[0]) == 1 + 4 + 1  # the clean image, four steps, the last look
    assert torch.isfinite(first.result.mi).all()
    assert [record.step for record in second] == list(range(1, 11))
    assert len(list(third)) == 10
    assert not list(first)


def test_a_task_that_cannot_be_attacked_is_refused() -> None:
    tasks = _tasks("cnn")
    objective, x = tasks[0]
    with pytest.raises(ValueError, match="x and y"):
        together(PGD(), [tasks[1], (objective, torch.cat([x, x]))])
