"""Training, validation and test images of a training."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from advmi_core import data
from advmi_core.data import ImageSet
from advmi_core.models.training.spec import Spec
from advmi_core.validate import check_images, check_labels, check_same_length

TEST_SHARE = 0.2
"""Share of the published test split that is tested on where the training split is not at hand."""


@dataclass(frozen=True)
class Splits:
    """Three disjoint sets of images (N,C,H,W) in [0,1] with labels (N,), and where they are from."""

    train_x: Tensor
    train_y: Tensor
    validation_x: Tensor
    validation_y: Tensor
    test_x: Tensor
    test_y: Tensor
    classes: int
    source: str
    subset: bool
    note: str


def make_splits(spec: Spec, images: ImageSet | None, test: ImageSet | None) -> Splits:
    """Carve the validation part from the training images; the test images only ever measure the end.

    Args:
        spec: names the data set, the validation share and the seed of the split.
        images: training images; None loads the data set's training split.
        test: test images; None loads the data set's test split.

    Raises:
        ValueError: images or labels are not valid, or too few to hold some out.
        DataNotFoundError: the data set is not on this machine.
    """
    images, test, note = _load(spec.dataset, images, test)
    classes = len(images.classes)
    for part, name in ((images, "training"), (test, "test")):
        check_images(part.x, f"{name} images")
        check_labels(part.y, classes, f"{name} labels")
        check_same_length(part.x, part.y, f"{name} images and labels")
    if images.x.shape[1:] != test.x.shape[1:]:
        seen, wanted = tuple(test.x.shape[1:]), tuple(images.x.shape[1:])
        raise ValueError(f"test images must have the training images' shape {wanted}, got {seen}")
    held = max(1, round(spec.validation * len(images)))
    if held >= len(images):
        raise ValueError(f"training images must be at least 2 to hold some out, got {len(images)}")
    order = torch.randperm(len(images), generator=stream(spec.seed, "split"))
    kept, out = order[held:], order[:held]
    return Splits(
        images.x[kept], images.y[kept], images.x[out], images.y[out], test.x, test.y,
        classes, images.source, images.subset, note,
    )  # fmt: skip


def stream(seed: int, purpose: str, index: int = 0) -> torch.Generator:
    """The random stream of one purpose and one step or epoch, so that a resumed run draws the same."""
    words = np.random.SeedSequence([seed, int.from_bytes(purpose.encode()), index]).generate_state(2)
    return torch.Generator().manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)


def _load(dataset: str, images: ImageSet | None, test: ImageSet | None) -> tuple[ImageSet, ImageSet, str]:
    if images is None:
        try:
            images = data.load(dataset, "train")
        except data.DataNotFoundError:
            if test is not None:
                raise
            return _divide(data.load(dataset, "test"))
    return images, data.load(dataset, "test") if test is None else test, ""


def _divide(images: ImageSet) -> tuple[ImageSet, ImageSet, str]:
    """Without a training split: learn from the first part of the test split, test on the last."""
    cut = round(len(images) * (1 - TEST_SHARE))
    note = (
        f"the training split was not at hand: trained on the first {cut} images of the published test "
        f"split, tested on the last {len(images) - cut}"
    )
    first, last = images.take(range(cut)), images.take(range(cut, len(images)))
    return replace(first, subset=True), replace(last, subset=True), note
