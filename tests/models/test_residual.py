"""ResNet-18, WideResNet and VGG-19: published sizes, shapes, normalisation kept in files, crops."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from advmi_core import models
from advmi_core.models.base import Shape
from advmi_core.models.registry import skeleton
from advmi_core.models.training.augment import random_crop

PARAMETERS = {"resnet18": 11_173_962, "wrn-34-10": 46_160_474, "vgg19": 20_040_522}
NAMES = (*PARAMETERS, "resnet18-w8", "resnet18-w16", "vgg19-w8")


def images(count: int, shape: Shape = (1, 28, 28), seed: int = 0) -> torch.Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", PARAMETERS)
def test_size_is_the_published_one(name: str) -> None:
    network = skeleton(name, (3, 32, 32), 10)
    assert sum(weight.numel() for weight in network.parameters()) == PARAMETERS[name]


def test_a_narrow_network_has_its_share_of_every_layer() -> None:
    for narrow, whole in (("resnet18-w8", "resnet18"), ("vgg19-w8", "vgg19")):
        for small, large in zip(
            *(skeleton(name, (3, 32, 32), 10).parameters() for name in (narrow, whole)), strict=True
        ):
            assert small.shape[0] in (large.shape[0] // 8, 10)
            assert small.ndim == large.ndim


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 32, 24), (3, 64, 64)])
@pytest.mark.parametrize("name", NAMES)
def test_logits_of_every_shape(name: str, shape: Shape) -> None:
    network = skeleton(name, shape, 7)  # on torch's meta device: shapes without arithmetic
    assert network(torch.empty(3, *shape, device="meta")).shape == (3, 7)


def test_stem_keeps_the_side_and_three_stages_halve_it() -> None:
    network = skeleton("resnet18", (3, 32, 32), 10)
    assert isinstance(network, models.Classifier)
    stem = network.get_submodule("stem")(torch.empty(2, 3, 32, 32, device="meta"))
    assert stem.shape == (2, 64, 32, 32)
    assert network.get_submodule("stages")(stem).shape == (2, 512, 4, 4)


def test_too_small_images_are_refused() -> None:
    for name in NAMES:
        with pytest.raises(ValueError, match="at least 8×8, got 4×28"):
            models.build(name, (1, 4, 28))


def test_running_statistics_start_clean_and_survive_the_file(tmp_path: Path) -> None:
    network = models.build("resnet18-w8")
    fresh = network.state_dict()
    assert float(fresh["stem.1.running_mean"].abs().max()) == 0
    assert float((fresh["stem.1.running_var"] - 1).abs().max()) == 0
    for seed in range(3):
        network.train()(images(8, seed=seed))
    path = models.save(network, {"metrics": {}}, tmp_path)
    loaded = models.load("resnet18-w8", weights=path)
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key
        assert loaded.state_dict()[key].dtype == value.dtype
    assert int(loaded.state_dict()["stem.1.num_batches_tracked"]) == 3
    assert not loaded.training
    assert torch.equal(loaded(images(4)), network.freeze()(images(4)))


def test_measuring_teaches_the_normalisation_nothing() -> None:
    network = models.build("resnet18-w8")
    before = {key: value.clone() for key, value in network.state_dict().items()}
    labels = torch.arange(10)
    seen = models.measure(network, images(10), labels)
    assert network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert seen == models.measure(network.eval(), images(10), labels)


def test_crops_are_seeded_windows_of_the_padded_image() -> None:
    x = images(64, (3, 9, 7))
    cropped = random_crop(x, 2, torch.Generator().manual_seed(3))
    assert torch.equal(cropped, random_crop(x, 2, torch.Generator().manual_seed(3)))
    padded = torch.nn.functional.pad(x, (2, 2, 2, 2))
    seen = set()
    for image, wide in zip(cropped, padded, strict=True):
        places = [
            (top, left)
            for top in range(5)
            for left in range(5)
            if torch.equal(image, wide[:, top : top + 9, left : left + 7])
        ]
        assert len(places) == 1
        seen.add(places[0])
    assert len(seen) > 15
    assert torch.equal(random_crop(x, 0, torch.Generator()), x)
