"""Small random images that train in a moment."""

from __future__ import annotations

import pytest
import torch

from advmi_core.data import ImageSet


def random_images(count: int, split: str, seed: int) -> ImageSet:
    """Grey noise whose brightness tells the class, so that there is something to learn."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 10, (count,), generator=generator)
    x = 0.5 * torch.rand(count, 1, 28, 28, generator=generator) + 0.05 * y[:, None, None, None]
    return ImageSet(x, y, tuple("0123456789"), "fashion-mnist", split, "folder", True)


@pytest.fixture
def images() -> ImageSet:
    return random_images(60, "train", 1)


@pytest.fixture
def test_images() -> ImageSet:
    return random_images(20, "test", 2)
