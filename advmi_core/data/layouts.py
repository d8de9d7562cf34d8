"""The ways in which the files of a data set lie in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from advmi_core.data import idx
from advmi_core.data.image_set import Pixels

Files = tuple[Path, ...]


class Layout(Protocol):
    """One arrangement of files below a source's root folder. Implementations are frozen, thus hashable."""

    def place(self, root: Path, split: str) -> str:
        """Where the split would lie, for people to read."""
        ...

    def find(self, root: Path, split: str) -> Files | None:
        """The files of the split if they are there; nothing is opened."""
        ...

    def read(self, files: Files, split: str) -> Pixels:
        """Decode what ``find`` returned; a ValueError names a damaged file."""
        ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class IdxLayout:
    """``folder/train-images-idx3-ubyte`` and its neighbours, each plain or with ``.gz``."""

    folder: str

    def place(self, root: Path, split: str) -> str:
        return f"{root / self.folder / _idx_names(split)[0]}(.gz)"

    def find(self, root: Path, split: str) -> Files | None:
        found = [_plain_or_gz(root / self.folder / name) for name in _idx_names(split)]
        files = tuple(path for path in found if path is not None)
        return files if len(files) == len(found) else None

    def read(self, files: Files, split: str) -> Pixels:
        images, labels = files
        return idx.read_images(images, labels)


def _idx_names(split: str) -> tuple[str, str]:
    stem = "train" if split == "train" else "t10k"
    return f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte"


def _plain_or_gz(path: Path) -> Path | None:
    both = (path, path.with_name(path.name + ".gz"))
    return next((each for each in both if each.is_file()), None)


LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "fashion-mnist": (IdxLayout("fashion-mnist"), IdxLayout("FashionMNIST/raw")),
    "mnist": (IdxLayout("mnist"), IdxLayout("MNIST/raw")),
}
