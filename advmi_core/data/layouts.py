"""The ways in which the files of a data set lie in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from advmi_core.data.catalog import CATALOG, SPLITS
from advmi_core.data.image_set import Pixels
from advmi_core.data.readers import cifar, idx, mice, svhn
from advmi_core.data.uploads import files as picture_files
from advmi_core.data.uploads.pictures import Shape
from advmi_core.data.uploads.tree import open_tree

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
    """``folder/train-images-idx3-ubyte`` and its neighbours, each plain or with ``.gz``.

    ``train-images.idx3-ubyte`` is read as well, and each file in a folder of its own name, as mirrors have
    them.
    """

    folder: str

    def place(self, root: Path, split: str) -> str:
        return f"{root / self.folder / _idx_names(split)[0]}(.gz)"

    def find(self, root: Path, split: str) -> Files | None:
        found = [_idx_file(root / self.folder, name) for name in _idx_names(split)]
        files = tuple(path for path in found if path is not None)
        return files if len(files) == len(found) else None

    def read(self, files: Files, split: str) -> Pixels:
        images, labels = files
        return idx.read_images(images, labels)


def _idx_names(split: str) -> tuple[str, str]:
    stem = "train" if split == "train" else "t10k"
    return f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte"


def _idx_spellings(name: str) -> tuple[str, ...]:
    both = (name, name.replace("-idx", ".idx"))
    return tuple(f"{spelt}{ending}" for spelt in both for ending in ("", ".gz"))


def _idx_file(folder: Path, name: str) -> Path | None:
    spelt = _idx_spellings(name)
    places = [*(folder / each for each in spelt), *(folder / each / each for each in spelt)]
    return next((path for path in places if path.is_file()), None)


@dataclass(frozen=True)
class ClassesLayout:
    """A folder or zip with ``split/CLASS/*.jpg``; an empty path is the root itself, if it has the classes."""

    path: str
    classes: tuple[str, ...]
    shape: Shape

    def place(self, root: Path, split: str) -> str:
        return str(root / self.path)

    def find(self, root: Path, split: str) -> Files | None:
        path = root / self.path
        inside = path / split if self.path else path / split / self.classes[0]
        return (path,) if (self.path and path.is_file()) or inside.is_dir() else None

    def read(self, files: Files, split: str) -> Pixels:
        with open_tree(files[0]) as tree:
            return picture_files.read_classes(tree, split, self.classes, self.shape, exact=True)


@dataclass(frozen=True)
class TinyLayout:
    """Tiny-ImageNet's published folder or a zip of it; split "test" is its validation split.

    An empty path is the root itself, if it has the list of classes.
    """

    path: str

    def place(self, root: Path, split: str) -> str:
        return str(root / self.path)

    def find(self, root: Path, split: str) -> Files | None:
        path = root / self.path
        inside = path / ("train" if split == "train" else "val")
        if not self.path and not (path / "wnids.txt").is_file():
            return None
        return (path,) if (self.path and path.is_file()) or inside.is_dir() else None

    def read(self, files: Files, split: str) -> Pixels:
        with open_tree(files[0]) as tree:
            return picture_files.read_tiny_imagenet(tree, split, CATALOG["tiny-imagenet"].shape)


@dataclass(frozen=True)
class CifarFolder:
    """The unpacked binary version of CIFAR-10."""

    folder: str

    def place(self, root: Path, split: str) -> str:
        return str(root / self.folder / cifar.file_names(split)[0])

    def find(self, root: Path, split: str) -> Files | None:
        files = tuple(root / self.folder / name for name in cifar.file_names(split))
        return files if all(path.is_file() for path in files) else None

    def read(self, files: Files, split: str) -> Pixels:
        return cifar.read_folder(files[0].parent, split)


@dataclass(frozen=True)
class CifarArchive:
    """The binary version of CIFAR-10 as its author publishes it."""

    def place(self, root: Path, split: str) -> str:
        return str(root / "cifar-10-binary.tar.gz")

    def find(self, root: Path, split: str) -> Files | None:
        path = root / "cifar-10-binary.tar.gz"
        return (path,) if path.is_file() else None

    def read(self, files: Files, split: str) -> Pixels:
        return cifar.read_archive(files[0], split)


@dataclass(frozen=True)
class SvhnLayout:
    """``folder/train_32x32.mat`` and ``folder/test_32x32.mat``."""

    folder: str

    def place(self, root: Path, split: str) -> str:
        return str(root / self.folder / f"{split}_32x32.mat")

    def find(self, root: Path, split: str) -> Files | None:
        path = root / self.folder / f"{split}_32x32.mat"
        return (path,) if path.is_file() else None

    def read(self, files: Files, split: str) -> Pixels:
        return svhn.read_mat(files[0])


@dataclass(frozen=True)
class MiceLayout:
    """One table for both splits, ``mice-protein/Data_Cortex_Nuclear.csv``."""

    path: str

    def place(self, root: Path, split: str) -> str:
        return str(root / self.path)

    def find(self, root: Path, split: str) -> Files | None:
        path = root / self.path
        return (path,) if path.is_file() else None

    def read(self, files: Files, split: str) -> Pixels:
        return mice.read_csv(files[0], split)


def _classes(path: str, name: str) -> ClassesLayout:
    return ClassesLayout(path, CATALOG[name].classes, CATALOG[name].shape)


# The first layout found wins: original pixels before JPEG copies, whole data sets before parts.
LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "fashion-mnist": (IdxLayout("fashion-mnist"), IdxLayout("FashionMNIST/raw")),
    "mnist": (IdxLayout("mnist"), IdxLayout("MNIST/raw")),
    "cifar10": (
        CifarFolder(cifar.FOLDER),
        CifarFolder(""),
        CifarArchive(),
        _classes("cifar10", "cifar10"),
        _classes("cifar10-jpeg.zip", "cifar10"),
        _classes("", "cifar10"),
    ),
    "svhn": (SvhnLayout("svhn"), SvhnLayout("SVHN"), SvhnLayout("")),
    "tiny-imagenet": (
        TinyLayout("tiny-imagenet-200"),
        TinyLayout("tiny-imagenet-200.zip"),
        TinyLayout("tiny-imagenet-200-subset.zip"),
        TinyLayout(""),
    ),
    "mice-protein": (
        MiceLayout("mice-protein/Data_Cortex_Nuclear.csv"),
        MiceLayout("Data_Cortex_Nuclear.csv"),
    ),
}

_PICKLED = ("cifar-10-batches-py", "cifar-10-python.tar.gz")


def unread(name: str, root: Path) -> str:
    """A sentence on files of the data set that are there but are not read, or an empty string."""
    if name in ("mnist", "fashion-mnist"):
        return _idx_unread(name, root)
    there = [pickled for pickled in _PICKLED if (root / pickled).exists()] if name == "cifar10" else []
    if not there:
        return ""
    return (
        f"{root / there[0]} is there but is not read: it holds pickles, which can run code when opened; "
        "put the binary version, cifar-10-binary.tar.gz, beside it"
    )


def _idx_unread(name: str, root: Path) -> str:
    if any(_idx_file(root, file) for split in SPLITS for file in _idx_names(split)):
        return (
            f"{root} holds IDX files, which MNIST and Fashion-MNIST share: "
            f"put them in a folder {name} in it, so that it is told which they are"
        )
    known = {each for split in SPLITS for file in _idx_names(split) for each in _idx_spellings(file)}
    for layout in LAYOUTS[name]:
        folder = root / layout.folder if isinstance(layout, IdxLayout) else root
        files = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        near = [file for file in files if ("ubyte" in file or "images" in file) and file not in known]
        if near:
            wanted = " and ".join(_idx_names("train" if "train" in near[0] else "test"))
            return f"{folder / near[0]} is there but is not read: wanted are {wanted}, plain or with .gz"
    return ""
