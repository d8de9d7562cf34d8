"""Bad input: one clear error that names what was seen and what was wanted."""

from __future__ import annotations

import pytest
import torch
from models_for_tests import SmallAutoencoder, images, small_classifier

from advmi_core import models
from advmi_core.attacks import PGD, MinMax
from advmi_core.mi import estimate_mi
from advmi_core.objectives import Classification, Reconstruction

Y = torch.tensor([0, 1, 2])
ATTACK = PGD(steps=1, mi_steps=0)


def _with(x: torch.Tensor, value: float) -> torch.Tensor:
    x = x.clone()
    x[0, 0, 0, 0] = value
    return x


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (_with(images(), float("nan")), "x must be finite"),
        (_with(images(), 1.5), r"x must lie in \[0,1\], got values in \[0, 1.5\]"),
        (_with(images(), -0.5), r"x must lie in \[0,1\]"),
        (images().double(), "x must be float32, got float64"),
        ((images() * 255).to(torch.uint8), "x must be float32, got uint8"),
        (images()[0], r"x must have shape \(B,C,H,W\), got \(1, 10, 12\)"),
        (images()[:0], "x must hold at least one image"),
        (images(height=20), "x has shape"),
        (images(channels=3), "x has shape"),
        (images(2), "x and y must have the same length, got 2 and 3"),
        ([[0.5]], "x must be a torch.Tensor of images, got list"),
    ],
)
def test_images(x: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ATTACK(Classification(small_classifier(), Y), x)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (torch.tensor([0, 1, 9]), "y must lie in 0…4, got labels in 0…9"),
        (torch.tensor([0, -1, 2]), "y must lie in"),
        (torch.tensor([0.0, 1.0, 2.0]), "y must be int64, got float32"),
        (torch.tensor([[0, 1, 2]]), r"y must have shape \(B,\), got \(1, 3\)"),
        ([0, 1, 2], "y must be a torch.Tensor of labels, got list"),
    ],
)
def test_labels(y: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ATTACK(Classification(small_classifier(), y), images())


def test_targets() -> None:
    with pytest.raises(ValueError, match="target must differ from the true label"):
        Classification(small_classifier(), Y, target=Y)
    with pytest.raises(ValueError, match="target must lie in 0…4"):
        ATTACK(Classification(small_classifier(), Y, target=Y + 7), images())


def test_objectives_and_attacks_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match='loss="ce" needs a Classification objective, got Reconstruction'):
        PGD(loss="ce")(Reconstruction(SmallAutoencoder(conv=True)), images(height=12))
    with pytest.raises(ValueError, match="model must return logits"):
        ATTACK(Classification(SmallAutoencoder(conv=True), Y), images(height=12))
    with pytest.raises(ValueError, match="model must reconstruct images of shape"):
        ATTACK(Reconstruction(small_classifier()), images())
    with pytest.raises(ValueError, match="kappa must be ≥ 0"):
        Reconstruction(SmallAutoencoder(conv=True), kappa=-1)


@pytest.mark.parametrize("rows", [[0, 0, 1], [-1, 0, 1], [0, 1]])
def test_rows(rows: list[int]) -> None:
    with pytest.raises(ValueError, match="rows"):
        ATTACK(Classification(small_classifier(), Y), images(), rows=rows)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"mi": "mine-magic"}, "mi must be one of mine-conv, mine-random"),
        ({"mi_weight": -1}, "mi_weight must be ≥ 0"),
        ({"bound": "kl"}, "bound must be one of"),
        ({"alpha": 0}, "alpha must be > 0"),
        ({"beta": 2}, "beta must be"),
        ({"inner": 0}, "inner must be"),
    ],
)
def test_minmax_parameters(parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MinMax.published(**parameters)


def test_estimate_mi() -> None:
    objective = Classification(small_classifier(), Y)
    with pytest.raises(ValueError, match="x_adv must have x's shape"):
        estimate_mi(objective, images(3), images(2))
    with pytest.raises(ValueError, match="estimator must be one of"):
        estimate_mi(objective, images(), images(), estimator="nonsense")
    flat = Reconstruction(SmallAutoencoder(conv=False))
    with pytest.raises(ValueError, match="sampling by convolution needs a model that starts with one"):
        estimate_mi(flat, images(height=12), images(height=12), sampling="conv")


def test_unknown_model_and_data_set() -> None:
    from advmi_core import data

    with pytest.raises(ValueError, match="model must be one of"):
        models.load("resnet-9000")
    with pytest.raises(ValueError, match="fashion-mnist"):
        data.load("imagenet-22k")
