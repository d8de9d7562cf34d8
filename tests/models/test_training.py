"""The trainer of the models: every kind learns, is written and goes on; its schedule, card and refusals."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from advmi_core import data, models
from advmi_core.data import ImageSet
from advmi_core.models import TrainSpec
from advmi_core.models.training.augment import mirror
from advmi_core.models.training.learners import kl_sparsity

LARGE = (
    "resnet18",
    "resnet18-w16",
    "wrn-34-10",
    "vgg19",
    "vgg19-w8",
)  # trained by the same code as resnet18-w8
NAMES = [name for name in models.MODELS if name not in LARGE]


def small(name: str, **changes: object) -> TrainSpec:
    """Two epochs of four steps each."""
    values = {"epochs": 2, "batch": 14, "validation": 0.1, "warmup": 0.2, "flip": True} | changes
    return replace(models.default_spec(name), **values)  # type: ignore[arg-type]


def weights(network: torch.nn.Module) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in network.state_dict().items()}


def same(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_is_written_as_it_was_learnt_and_goes_on_where_it_was_closed(
    name: str, tmp_path: Path, images: ImageSet, test_images: ImageSet
) -> None:
    spec, before = small(name), torch.get_rng_state()
    result = models.train(spec, tmp_path / "whole", images=images, test=test_images).drain()
    assert torch.equal(torch.get_rng_state(), before)
    assert result.weights == tmp_path / "whole" / f"{name}.safetensors"
    loaded = models.load(name, weights=result.weights)
    assert same(weights(loaded), weights(result.network))
    measured = models.measure(loaded, test_images.x, test_images.y)
    assert {"split": "test", **measured} == result.card["metrics"]
    assert result.card["dataset"]["training_images"] == 54
    assert result.card["dataset"]["validation_images"] == 6

    first = models.train(spec, tmp_path / "cut", images=images, test=test_images, record_every=1)
    seen = []
    for record in first:
        seen.append(record)
        if record.step == 6:
            break
    assert math.isnan(seen[2].validation)
    assert math.isfinite(seen[3].validation)
    first.close()
    resumed = models.train(spec, tmp_path / "cut", images=images, test=test_images).drain()
    assert same(weights(result.network), weights(resumed.network))
    assert result.card["metrics"] == resumed.card["metrics"]


def test_learning_lowers_the_loss(images: ImageSet, test_images: ImageSet) -> None:
    records = list(
        models.train(small("ae-dense", epochs=10), images=images, test=test_images, record_every=1)
    )
    assert records[-1].loss < 0.7 * records[0].loss


def test_card_tells_the_command_without_a_machine_path(
    tmp_path: Path, images: ImageSet, test_images: ImageSet
) -> None:
    spec = small("ae-sparse", lr=0.01)
    models.train(spec, tmp_path, images=images, test=test_images).drain()
    text = (tmp_path / "ae-sparse.json").read_text()
    card = json.loads(text)
    assert card["command"] == (
        "ADVMI_DATA=<data folder> advmi train ae-sparse --dataset fashion-mnist --epochs 2 --batch 14 "
        "--lr 0.01 --flip --validation 0.1 --out <output folder>"
    )
    assert str(tmp_path) not in text
    assert TrainSpec(**card["spec"]) == spec
    assert card["seed"] == 0
    assert card["versions"]["torch"] == torch.__version__


def test_sparsity_term_by_hand() -> None:
    code = torch.tensor([[0.1, 0.2], [0.3, 0.2]])  # both units are active 0.2 on average
    by_hand = 0.1 * math.log(0.1 / 0.2) + 0.9 * math.log(0.9 / 0.8)
    assert float(kl_sparsity(code)) == pytest.approx(by_hand, rel=1e-5)
    assert float(kl_sparsity(torch.full((4, 3), 0.1))) == pytest.approx(0, abs=1e-7)
    assert math.isfinite(float(kl_sparsity(torch.tensor([[0.0, 1.0]]))))


def test_sparsity_term_makes_the_code_sparse(images: ImageSet, test_images: ImageSet) -> None:
    def activity(sparsity: float) -> float:
        spec = small("ae-sparse", epochs=10, sparsity=sparsity)
        network = models.train(spec, images=images, test=test_images).drain().network
        assert isinstance(network, models.Autoencoder)
        return float(network.encode(test_images.x).mean())

    assert abs(activity(3.0) - 0.1) < 0.5 * abs(activity(0.0) - 0.1)


def test_learning_rate_rises_then_falls() -> None:
    spec = small("cnn", lr=0.5, warmup=0.2)
    rates = [spec.learning_rate(step, 100) for step in range(100)]
    top = rates.index(max(rates))
    assert top == 20
    assert rates[top] == pytest.approx(0.5)
    assert rates == sorted(rates[:top]) + sorted(rates[top:], reverse=True)
    assert 0 < rates[-1] < 0.001


def test_mirror_flips_whole_images_about_half_the_time() -> None:
    x = torch.rand(200, 1, 4, 5)
    y = mirror(x, torch.Generator().manual_seed(0))
    flipped = (y == x.flip(-1)).flatten(1).all(1)
    assert bool((flipped | (y == x).flatten(1).all(1)).all())
    assert 70 < int(flipped.sum()) < 130


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": "resnet"}, "model must be one of"),
        ({"epochs": 0}, "epochs must be a whole number ≥ 1, got 0"),
        ({"batch": 0}, "batch must be a whole number"),
        ({"lr": 0.0}, "lr must be > 0"),
        ({"lr": float("nan")}, "lr must be a finite number"),
        ({"validation": 0.0}, "validation must be > 0"),
        ({"optimizer": "lion"}, "optimizer must be one of sgd, adam"),
        ({"warmup": 1.0}, "warmup must be"),
        ({"sparsity": -1.0}, "sparsity must be"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_spec(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(models.default_spec("cnn"), **changes)  # type: ignore[arg-type]


def test_without_a_training_split_the_test_split_is_divided(
    images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str, split: str) -> ImageSet:
        if split == "train":
            raise data.DataNotFoundError("no training images")
        return images

    monkeypatch.setattr(data, "load", load)
    card = models.train(small("ae-dense", dataset="mnist")).drain().card
    assert card["dataset"]["test_images"] == 12
    assert card["dataset"]["training_images"] + card["dataset"]["validation_images"] == 48
    assert (
        "trained on the first 48 images of the published test split, tested on the last 12"
        in (card["dataset"]["note"])
    )


def test_out_that_is_no_folder(tmp_path: Path, images: ImageSet, test_images: ImageSet) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="out must be a folder that can be written"):
        models.train(small("cnn"), tmp_path / "file", images=images, test=test_images)


def test_bad_images(images: ImageSet, test_images: ImageSet) -> None:
    def attempt(train: ImageSet, test: ImageSet) -> None:
        models.train(small("cnn"), images=train, test=test)

    with pytest.raises(ValueError, match=r"training images must lie in \[0,1\]"):
        attempt(replace(images, x=images.x * 255), test_images)
    with pytest.raises(ValueError, match="test labels must lie in 0…9"):
        attempt(images, replace(test_images, y=test_images.y + 10))
    with pytest.raises(ValueError, match="must have the same length, got 60 and 20"):
        attempt(replace(images, y=test_images.y), test_images)
    with pytest.raises(ValueError, match="training images' shape"):
        attempt(images, replace(test_images, x=test_images.x[..., :24]))
    with pytest.raises(ValueError, match="at least 2 to hold some out, got 1"):
        attempt(images.take([0]), test_images)
    with pytest.raises(ValueError, match="record_every must be"):
        models.train(small("cnn"), images=images, test=test_images, record_every=0)
    with pytest.raises(ValueError, match="model must be one of"):
        models.default_spec("resnet")


def test_dark_pictures_do_not_silence_the_convolutional_autoencoder() -> None:
    """Silenced, it paints one grey for all: its loss is then the pixels' variance."""
    images = data.load("fashion-mnist", "train")
    dark = ImageSet(
        (2 * images.x[:960] - 1.2).clamp_min(0), images.y[:960], images.classes, "dark", "train", ""
    )
    spec = replace(models.default_spec("ae-conv"), epochs=4, batch=64)
    found = models.train(spec, images=dark, test=dark.first(200)).drain()
    assert float(dark.x.mean()) < 0.15
    assert found.card["metrics"]["mse"] < 0.6 * float(dark.x.var())
