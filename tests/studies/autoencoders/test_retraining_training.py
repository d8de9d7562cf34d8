"""One training: the order of its batches, its gradient steps, and its records."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch

from advmi_core.augmentation import Augmented
from advmi_core.data import ImageSet
from advmi_core.device import pick
from advmi_core.models import build, default_spec
from advmi_core.studies.autoencoders import RetrainingStudy
from advmi_core.studies.autoencoders.images import Images, chosen, lesson
from advmi_core.studies.autoencoders.training import Training, TrainingSet, orders, per_image_loss

CPU = pick("cpu")


def images(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def test_every_pass_takes_every_image_once_and_every_batch_is_full() -> None:
    drawn = list(islice(orders(7, 3, seed=0), 7))
    assert [len(batch) for batch in drawn] == [3] * 7
    stream = torch.cat(drawn)
    for start in (0, 7, 14):
        assert stream[start : start + 7].sort().values.tolist() == list(range(7))
    assert not torch.equal(stream[:7], stream[7:14])
    assert torch.equal(stream, torch.cat(list(islice(orders(7, 3, seed=0), 7))))
    assert not torch.equal(stream, torch.cat(list(islice(orders(7, 3, seed=1), 7))))


def test_a_batch_may_be_larger_than_the_images() -> None:
    (batch,) = islice(orders(3, 8, seed=0), 1)
    assert torch.bincount(batch, minlength=3).min() >= 2


def test_the_first_record_comes_after_one_step_and_one_more_after_every_epoch() -> None:
    x = images(20)
    training = Training("ae-dense", TrainingSet(x, x, x), seed=0, epochs=3, steps=8, batch=4, device=CPU)
    moments = list(training.records())
    assert [moment.step for moment in moments] == [1, 2, 5, 8]
    assert [moment.epoch for moment in moments] == [1, 1, 2, 3]
    assert [len(moment.curve) for moment in moments] == [0, 1, 2, 3]
    network = training.network
    assert moments[-1].curve[-1] == pytest.approx(float((x - network(x)).square().mean().detach()), rel=1e-5)
    np.testing.assert_allclose(
        per_image_loss(network, x), (x - network(x)).square().mean((1, 2, 3)).detach(), rtol=1e-5
    )


def test_the_loss_of_a_record_is_the_mean_of_its_epoch() -> None:
    x = images(20)
    singles = Training("ae-dense", TrainingSet(x, x, x), seed=0, epochs=6, steps=6, batch=4, device=CPU)
    losses = [moment.loss for moment in singles.records()]
    halves = Training("ae-dense", TrainingSet(x, x, x), seed=0, epochs=2, steps=6, batch=4, device=CPU)
    ends = [moment.loss for moment in halves.records() if moment.step in (3, 6)]
    assert ends == pytest.approx([np.mean(losses[:3]), np.mean(losses[3:])], rel=1e-6)


@pytest.mark.parametrize("targets", ["self", "original"])
def test_one_step_by_hand(targets: str) -> None:
    """Adam's first step is the rate times the sign of the gradient, of the very loss that is meant."""
    x, new = images(6), images(6, seed=1)
    made = _augmented(x, new)
    every = ImageSet(x, torch.zeros(6, dtype=torch.int64), ("any",), "small", "train", "folder")
    learnt = lesson(Images(every, every.first(1), every.first(1)), made, torch.tensor([1, 4]), targets)
    assert torch.equal(learnt.x, torch.cat([x, new[[1, 4]]]))

    training = Training("ae-dense", learnt, seed=5, epochs=2, steps=2, batch=8, device=CPU)
    next(training.records())
    network = build("ae-dense", (1, 8, 8), seed=5)
    order = next(orders(8, 8, seed=5))
    seen = torch.cat([x, new[[1, 4]]])[order]
    wanted = torch.cat([x, (new if targets == "self" else x)[[1, 4]]])[order]
    (network(seen) - wanted).square().mean().backward()
    spec = default_spec("ae-dense")
    rate = spec.learning_rate(0, 2)
    for moved, start in zip(training.network.parameters(), network.parameters(), strict=True):
        step = rate * start.grad / (start.grad.abs() + 1e-8)
        torch.testing.assert_close(moved.detach(), start.detach() - step, rtol=1e-4, atol=1e-6)


def _augmented(x: torch.Tensor, new: torch.Tensor) -> Augmented:
    zero = torch.zeros(len(x))
    return Augmented(x, new, zero.bool(), zero, zero, zero, zero, zero, {}, True)


def test_the_share_takes_the_first_of_a_fixed_shuffle_of_the_successful() -> None:
    success = torch.tensor([True] * 8 + [False] * 8)
    whole = chosen(RetrainingStudy(), success)
    assert whole.tolist() == list(range(8))
    half = chosen(RetrainingStudy(share=0.5), success)
    quarter = chosen(RetrainingStudy(share=0.25), success)
    assert (len(half), len(quarter)) == (4, 2)
    assert set(quarter.tolist()) < set(half.tolist()) < set(range(8))
    assert len(chosen(RetrainingStudy(share=0.0), success)) == 0
    assert chosen(RetrainingStudy(only_successful=False), success).tolist() == list(range(16))


def test_threads_and_random_state_are_left_as_they_were() -> None:
    x, threads, rng = images(8), torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(2)
    try:
        for model in ("ae-dense", "ae-adversarial"):
            for _ in Training(
                model, TrainingSet(x, x, x), seed=0, epochs=1, steps=2, batch=4, device=CPU
            ).records():
                assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), rng)
