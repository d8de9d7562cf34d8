"""A loaded data set: images in [0,1], labels, class names and where it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MAX_VALUES = 1 << 28
"""Values of a data set of one file: 1 GiB as float32, 340,000 grey 28×28 or 87,000 colour 32×32 images."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """One split of a data set.

    Attributes:
        x: (N,C,H,W) float32 in [0,1].
        y: (N,) int64 labels in 0…len(classes)−1.
        classes: class names, in the order of the labels; the one name "unlabelled" where nobody knows them.
        name: the data set's name.
        split: "train" or "test" for the named data sets.
        source: which source served it: "ADVMI_DATA", "cache", "embedded", or "folder" for one's own path.
        subset: the source holds only a part of the published split (always so for "embedded").
        files: of pictures of one's own, the file of each image; else empty.
        notes: sentences for people on what was done to the pictures or left out.
    """

    x: Tensor
    y: Tensor
    classes: tuple[str, ...]
    name: str
    split: str
    source: str
    subset: bool = False
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.y)

    def digest(self) -> str:
        """sha256 of images and labels."""
        return digest(self.x, self.y)

    def first(self, n: int) -> ImageSet:
        """The first ``n`` images.

        Raises:
            ValueError: there are fewer.
        """
        if n > len(self):
            raise ValueError(
                f"n must be at most {len(self)}, the {self.split} images of {self.name} at hand, got {n}"
            )
        return self.take(range(n))

    def take(self, indices: Sequence[int] | Tensor) -> ImageSet:
        """The images at ``indices`` (whole numbers in 0…N−1, any order, repeats allowed), copied.

        Raises:
            ValueError: an index is no whole number or lies outside 0…N−1.
        """
        index = torch.as_tensor(indices)
        if index.numel() == 0:
            index = index.to(torch.int64)
        if index.ndim != 1 or index.is_floating_point() or index.dtype == torch.bool:
            raise ValueError(f"indices must be a list of whole numbers, got {indices!r}")
        if index.numel() and (int(index.min()) < 0 or int(index.max()) >= len(self)):
            raise ValueError(
                f"indices must lie in 0…{len(self) - 1}, got {int(index.min())}…{int(index.max())}"
            )
        index = index.to(torch.int64)
        files = tuple(self.files[place] for place in index.tolist()) if self.files else ()
        return replace(self, x=self.x[index], y=self.y[index], files=files)


def digest(x: Tensor, y: Tensor) -> str:
    """sha256 of images and labels on the CPU."""
    found = hashlib.sha256(x.numpy().tobytes())
    found.update(y.numpy().tobytes())
    return found.hexdigest()


@dataclass(frozen=True, eq=False)
class Pixels:
    """What a reader returns: 8-bit images as stored, a quarter of the memory of float ones; tables as floats.

    Attributes:
        images: (N,C,H,W) uint8, or float32 in [0,1], read-only.
        labels: (N,) int64, read-only.
        classes: class names where the files state them, else empty.
        files: of pictures of one's own, the file of each image.
        notes: sentences for people on what was left out.
    """

    images: NDArray[np.uint8] | NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # Readers' results are cached and shared between callers.
        self.images.setflags(write=False)
        self.labels.setflags(write=False)

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Fresh (N,C,H,W) float32 images in [0,1] and (N,) int64 labels, which the caller may change."""
        x = torch.from_numpy(self.images.astype(np.float32))
        if self.images.dtype == np.uint8:
            x.div_(255)
        return x, torch.from_numpy(self.labels.copy())
