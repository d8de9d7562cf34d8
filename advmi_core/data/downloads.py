"""Fetch published files into the user cache: only when asked, checked, and written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from advmi_core.data.catalog import SPLITS, check_split, entry
from advmi_core.data.sources import cache_root
from advmi_core.files import write_atomically

Progress = Callable[[int, int], None]

_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 18
_SHA256 = re.compile(r"[0-9a-f]{64}")


class DownloadError(OSError):
    """A file could not be fetched, or what came is not what its authors published."""


@dataclass(frozen=True)
class Remote:
    """A published file.

    Attributes:
        url: where its authors, or torchvision's mirror, offer it.
        target: its place below the cache's data folder.
        size: bytes.
        md5: as published; it guards against damage, not against malice, and readers trust no file anyway.
    """

    url: str
    target: str
    size: int
    md5: str


_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_SVHN = "http://ufldl.stanford.edu/housenumbers/"


def _idx(
    base: str, folder: str, stem: str, images: tuple[int, str], labels: tuple[int, str]
) -> tuple[Remote, ...]:
    files = {f"{stem}-images-idx3-ubyte.gz": images, f"{stem}-labels-idx1-ubyte.gz": labels}
    return tuple(Remote(base + name, f"{folder}/{name}", *facts) for name, facts in files.items())


_CIFAR = Remote(
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "cifar-10-binary.tar.gz",
    170_052_171,
    "c32a1d4ab5d03f1284b67883e8d87530",
)
_TINY = Remote(
    "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    "tiny-imagenet-200.zip",
    248_100_043,
    "90528d7ca1a48142e341f4ef8d21d0de",
)
REMOTES: dict[tuple[str, str], tuple[Remote, ...]] = {
    ("fashion-mnist", "train"): _idx(
        _FASHION,
        "fashion-mnist",
        "train",
        (26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        (29_515, "25c81989df183df01b3e8a0aad5dffbe"),
    ),
    ("fashion-mnist", "test"): _idx(
        _FASHION,
        "fashion-mnist",
        "t10k",
        (4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
        (5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
    ),
    ("mnist", "train"): _idx(
        _MNIST,
        "mnist",
        "train",
        (9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        (28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
    ),
    ("mnist", "test"): _idx(
        _MNIST,
        "mnist",
        "t10k",
        (1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
        (4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
    ("cifar10", "train"): (_CIFAR,),
    ("cifar10", "test"): (_CIFAR,),
    ("svhn", "train"): (
        Remote(
            _SVHN + "train_32x32.mat", "svhn/train_32x32.mat", 182_040_794, "e26dedcc434d2e4c54c9b2d4a06d8373"
        ),
    ),
    ("svhn", "test"): (
        Remote(
            _SVHN + "test_32x32.mat", "svhn/test_32x32.mat", 64_275_384, "eb5a983be6a315427106f1b164d9cef3"
        ),
    ),
    ("tiny-imagenet", "train"): (_TINY,),
    ("tiny-imagenet", "test"): (_TINY,),
}


def download(name: str, splits: Sequence[str] = SPLITS, progress: Progress | None = None) -> list[Path]:
    """Fetch a data set's published files into the user cache; undamaged ones that are there are kept.

    Args:
        name: a known data set.
        splits: any of "train", "test".
        progress: called with (bytes done, bytes in all) over all files.

    Returns:
        The files in the cache.

    Raises:
        ValueError: unknown name or split.
        DownloadError: no network, or a file is not what was published (nothing incomplete is kept), or the
            data set is not one that is fetched.
    """
    if origin := entry(name).origin:
        raise DownloadError(f"{name} is not downloaded: {origin} and set ADVMI_DATA to the folder above it")
    for split in splits:
        check_split(split)
    remotes = list(dict.fromkeys(remote for split in splits for remote in REMOTES[name, split]))
    total, done = sum(remote.size for remote in remotes), 0
    for remote in remotes:
        _fetch(remote, cache_root() / remote.target, _shifted(progress, done, total))
        done += remote.size
        if progress is not None:
            progress(done, total)
    return [cache_root() / remote.target for remote in remotes]


def _shifted(progress: Progress | None, done: int, total: int) -> Callable[[int], None]:
    return lambda here: progress(done + here, total) if progress is not None else None


def _fetch(remote: Remote, target: Path, report: Callable[[int], None]) -> None:
    if target.is_file() and _md5(target) == remote.md5:
        return
    try:
        write_atomically(target, lambda temporary: _receive(remote, temporary, report))
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(str(error)) from error


def _receive(remote: Remote, target: Path, report: Callable[[int], None]) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    received = receive(remote.url, target, digest, remote.size, report)
    if digest.hexdigest() != remote.md5:
        raise DownloadError(
            f"{remote.url} delivered another file than the published one "
            f"({received:,} bytes of {remote.size:,}, md5 {digest.hexdigest()}, wanted {remote.md5}); "
            "nothing was kept"
        )


class Digest(Protocol):
    """A hash that is fed as bytes arrive."""

    def update(self, data: bytes, /) -> None: ...


def receive(url: str, target: Path, digest: Digest, most: int, report: Callable[[int], None]) -> int:
    """Write what an address delivers into ``target``, not much more than ``most`` bytes of it.

    Returns:
        How many bytes came; they are to be checked by ``digest``.

    Raises:
        DownloadError: no network, or the server refuses.
        OSError: the disk is full.
    """
    received = 0
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as reply, target.open("wb") as file:
            while received <= most and (chunk := reply.read(_CHUNK)):
                file.write(chunk)
                digest.update(chunk)
                received += len(chunk)
                report(min(received, most))
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise  # the disk's, not the network's
        raise DownloadError(f"{url} could not be downloaded: {_reason(error)}") from error
    return received


def size_and_hash(url: str) -> tuple[int, str]:
    """Bytes that an address would deliver, 0 if it does not say, and their sha256 where the server knows it.

    Raises:
        DownloadError: no network, or the server refuses.
    """
    opener = urllib.request.build_opener(_Stay)  # what a hub knows of a file it says before it sends on
    request = urllib.request.Request(url, method="HEAD", headers={"Accept-Encoding": "identity"})
    try:
        with opener.open(request, timeout=_TIMEOUT) as reply:
            headers = reply.headers
    except urllib.error.HTTPError as error:
        if error.code not in (301, 302, 303, 307, 308):
            raise DownloadError(f"{url} could not be asked for: {_reason(error)}") from error
        headers = error.headers
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"{url} could not be asked for: {_reason(error)}") from error
    size = headers.get("X-Linked-Size") or headers.get("Content-Length") or "0"
    tag = (headers.get("X-Linked-ETag") or "").strip('"')
    return int(size) if size.isdecimal() else 0, tag if _SHA256.fullmatch(tag) else ""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError | TimeoutError | ConnectionError):
        return f"no network, or the server is out of reach ({getattr(error, 'reason', error)})"
    return str(error) or type(error).__name__
