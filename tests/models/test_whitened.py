"""The classifier that starts from whitened patches."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from advmi_core.data import ImageSet
from advmi_core.models import TrainSpec, build, train
from advmi_core.models.networks.whitened import WhitenedCNN


def smooth(count: int, side: int = 12) -> torch.Tensor:
    """(count,3,side,side) pictures whose neighbouring pixels are alike, as those of photographs are."""
    noise = torch.rand(count, 3, side + 4, side + 4, generator=torch.Generator().manual_seed(0))
    return functional.avg_pool2d(noise, 5, 1)


def test_patches_come_out_uncorrelated_and_of_unit_size() -> None:
    network, x = build("cnn-whitened", (3, 12, 12)), smooth(200)
    assert isinstance(network, WhitenedCNN)
    network.fit(x)
    seen = functional.conv2d(10 * (x - 0.5), network.filters).transpose(0, 1).flatten(1)
    first = seen[:6]  # eigenvalues far below the ε that is added stay small
    last = seen[6:12]
    covariance = last @ last.T / last.shape[1]
    assert (covariance - torch.diag(covariance.diag())).abs().max() < 1e-2 * covariance.diag().max()
    assert (seen[12:18] + first).abs().max() < 1e-4


def test_a_training_looks_at_its_images_first() -> None:
    images = ImageSet(smooth(60), torch.arange(60) % 2, ("a", "b"), "own", "train", "made up")
    spec = TrainSpec(model="cnn-whitened", dataset="own", epochs=1, batch=20, optimizer="sgd", lr=0.1, crop=2)
    network = train(spec, images=images, test=images).drain().network
    assert isinstance(network, WhitenedCNN)
    plain = build("cnn-whitened", (3, 12, 12), 2)
    assert isinstance(plain, WhitenedCNN)
    assert not torch.equal(network.filters, plain.filters)


def test_too_small_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 9×9"):
        build("cnn-whitened", (3, 8, 9))
