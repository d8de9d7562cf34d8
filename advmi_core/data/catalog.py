"""The data sets AdvMI knows by name: facts only, no files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from advmi_core.data.readers import mice

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Entry:
    """What is known of a data set before any file is read.

    Attributes:
        name: as users write it.
        title: as people write it.
        shape: (C,H,W) of one image.
        sizes: number of images of each published split.
        classes: class names in label order; empty where only the files state them.
        licence: what its authors allow, in a few words.
        origin: how a person gets it; empty where ``download`` fetches it.
    """

    name: str
    title: str
    shape: tuple[int, int, int]
    sizes: Mapping[str, int]
    classes: tuple[str, ...]
    licence: str
    origin: str = ""


_FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_DIGITS = tuple("0123456789")


def _entry(
    name: str,
    title: str,
    shape: tuple[int, int, int],
    sizes: tuple[int, int],
    classes: tuple[str, ...],
    licence: str,
    origin: str = "",
) -> tuple[str, Entry]:
    counts = MappingProxyType(dict(zip(SPLITS, sizes, strict=True)))
    return name, Entry(name, title, shape, counts, classes, licence, origin)


CATALOG: Mapping[str, Entry] = MappingProxyType(
    dict(
        (
            _entry(
                "fashion-mnist", "Fashion-MNIST", (1, 28, 28), (60_000, 10_000), _FASHION, "MIT, Zalando SE"
            ),
            _entry("mnist", "MNIST", (1, 28, 28), (60_000, 10_000), _DIGITS, "Y. LeCun and C. Cortes"),
            _entry(
                "cifar10", "CIFAR-10", (3, 32, 32), (50_000, 10_000), _CIFAR10, "A. Krizhevsky, research use"
            ),
            _entry("svhn", "SVHN", (3, 32, 32), (73_257, 26_032), _DIGITS, "non-commercial use, Stanford"),
            _entry(
                "tiny-imagenet", "Tiny-ImageNet", (3, 64, 64), (100_000, 10_000), (), "research use, Stanford"
            ),
            _entry(
                "mice-protein",
                "Mice Protein Expression",
                (1, 1, mice.COLUMNS),
                mice.SIZES,
                mice.CLASSES,
                "CC BY 4.0, Higuera, Gardiner and Cios",
                "get Data_Cortex_Nuclear from archive.ics.uci.edu/dataset/342, save it as CSV in a folder "
                "mice-protein",
            ),
        )
    )
)


def entry(name: str) -> Entry:
    """The entry of a data set.

    Raises:
        ValueError: the name is unknown; the message lists the known ones.
    """
    if name not in CATALOG:
        raise ValueError(f"data set must be one of {', '.join(CATALOG)}, got {name!r}")
    return CATALOG[name]


def check_split(split: str) -> None:
    """``split`` must be one of the splits that every named data set has."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
