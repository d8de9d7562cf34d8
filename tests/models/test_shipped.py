"""The weights that travel with AdvMI: they load, and they are as good as their cards say."""

from __future__ import annotations

import json
import math
import os
import re

import pytest
import torch

from advmi_core import data, models, paths
from advmi_core.data import ImageSet
from advmi_core.models import TrainSpec
from advmi_core.models.networks.concrete import ConcreteAutoencoder

DATASET = "fashion-mnist"
NAMES = ("cnn", "ae-dense", "ae-sparse", "ae-conv", "ae-adversarial", "ae-concrete")
ERRORS_AT_MOST = {
    "ae-dense": 0.009,
    "ae-sparse": 0.015,
    "ae-conv": 0.012,
    "ae-adversarial": 0.018,
    "ae-concrete": 0.014,
}
LARGEST_FILE = 8_000_000


@pytest.fixture(scope="module")
def embedded() -> ImageSet:
    """The embedded 1,000 test images, whatever else the machine has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ADVMI_DATA", raising=False)
        patch.setenv("ADVMI_CACHE", "nowhere")
        images = data.load(DATASET, "test")
    assert images.source == "embedded"
    return images


def test_all_are_there() -> None:
    assert set(models.available()[DATASET]) == set(NAMES)


def test_cnn_reaches_91_percent_of_all_test_images() -> None:
    card = models.load("cnn").card
    assert card["dataset"]["test_images"] == 10_000
    assert card["metrics"]["accuracy"] >= 0.91


@pytest.mark.parametrize("name", ERRORS_AT_MOST)
def test_autoencoder_error_of_all_test_images(name: str) -> None:
    card = models.load(name).card
    assert card["dataset"]["test_images"] == 10_000
    assert card["metrics"]["mse"] <= ERRORS_AT_MOST[name]


def test_cnn_is_as_accurate_as_its_card_says(embedded: ImageSet) -> None:
    network = models.load("cnn")
    stated = network.card["metrics"]["accuracy"]
    seen = models.measure(network, embedded.x, embedded.y)["accuracy"]
    deviation = math.sqrt(stated * (1 - stated) / len(embedded))  # of a share among 1,000 drawn images
    assert abs(seen - stated) < 4 * deviation


@pytest.mark.parametrize("name", ERRORS_AT_MOST)
def test_autoencoder_is_as_exact_as_its_card_says(name: str, embedded: ImageSet) -> None:
    network = models.load(name)
    with torch.no_grad():
        errors = (network(embedded.x) - embedded.x).square().flatten(1).mean(1)
    deviation = float(errors.std()) / math.sqrt(len(embedded))
    assert abs(float(errors.mean()) - network.card["metrics"]["mse"]) < 4 * deviation


@pytest.mark.parametrize("name", NAMES)
def test_card_says_how_to_make_it_again(name: str) -> None:
    folder = paths.assets() / "weights" / DATASET
    text = (folder / f"{name}.json").read_text(encoding="utf-8")
    card = json.loads(text)
    assert TrainSpec(**card["spec"]) == models.default_spec(name, DATASET)
    assert card["command"] == (
        f"ADVMI_DATA=<data folder> advmi train {name} --dataset {DATASET} --out assets/weights/{DATASET}"
    )
    assert not re.search(r"/(home|root|tmp|work|Users)\b", text)
    assert not card["dataset"]["subset"]
    assert card["dataset"]["training_images"] + card["dataset"]["validation_images"] == 60_000
    assert (folder / f"{name}.safetensors").stat().st_size < LARGEST_FILE


def test_concrete_selection_is_certain_and_of_different_pixels() -> None:
    network = models.load("ae-concrete")
    assert isinstance(network, ConcreteAutoencoder)
    assert network.certainty() > 0.9
    assert len(set(network.selected().tolist())) >= 45


def test_sparse_code_is_sparse(embedded: ImageSet) -> None:
    def activity(name: str) -> float:
        network = models.load(name)
        assert isinstance(network, models.Autoencoder)
        return float(network.encode(embedded.x).mean())

    assert activity("ae-sparse") == pytest.approx(0.1, abs=0.03)
    assert activity("ae-dense") > 0.15


DIGIT_ERRORS_AT_MOST = {
    "ae-dense": 0.006,
    "ae-sparse": 0.012,
    "ae-conv": 0.012,
    "ae-adversarial": 0.024,
    "ae-concrete": 0.014,
}


def test_digits_weights_tell_what_they_were_trained_on() -> None:
    assert set(models.available()["mnist"]) == {"cnn", *DIGIT_ERRORS_AT_MOST}
    for name in models.available()["mnist"]:
        card = models.load(name, "mnist").card
        assert "trained on the first 8000 images of the published test split" in card["dataset"]["note"]
        assert card["dataset"]["test_images"] == 2000
        assert card["dataset"]["training_images"] + card["dataset"]["validation_images"] == 8000
        assert "--out assets/weights/mnist" in card["command"]
        if name == "cnn":
            assert card["metrics"]["accuracy"] > 0.98
        else:
            assert card["metrics"]["mse"] <= DIGIT_ERRORS_AT_MOST[name]


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("ADVMI_DATA"), reason="ADVMI_DATA is not set: no real digits")
def test_digits_weights_are_as_good_as_their_cards_say_on_real_digits() -> None:
    try:
        last = data.load("mnist", "test").take(range(8000, 10_000))
    except data.DataNotFoundError:
        pytest.skip("ADVMI_DATA holds no mnist (test)")
    for name in models.available()["mnist"]:
        network = models.load(name, "mnist")
        seen = models.measure(network, last.x, last.y)
        for metric, value in seen.items():
            assert value == pytest.approx(network.card["metrics"][metric], rel=1e-3)
