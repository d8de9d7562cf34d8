"""Fetch the weights of a timm or torchvision network into the cache: only when asked, and checked.

What arrives is a safetensors file, or a pickle of which ``torch.load(weights_only=True)`` takes nothing but
tensors; it is kept as safetensors, so that nothing is ever unpickled again.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from advmi_core.data.downloads import DownloadError, Progress, receive, size_and_hash
from advmi_core.files import write_atomically
from advmi_core.models import zoo

MOST = 4 << 30
"""Bytes of a file of weights."""
_NAMED_HASH = re.compile(r"-([0-9a-f]{8,64})\.pth$")


@dataclass(frozen=True)
class Offer:
    """What fetching a network means, before anything but its size was asked for.

    Attributes:
        name: of the network.
        url: where its weights come from.
        size: bytes, 0 if the server does not say.
        licence: in a few words.
        sha256: of the file, or its first digits; empty where nobody publishes it.
    """

    name: str
    url: str
    size: int
    licence: str
    sha256: str


def offer(name: str) -> Offer:
    """Ask how large the weights are.

    Raises:
        ValueError: the library knows no such network, or no weights of it.
        DownloadError: no network, or the file is larger than 4 GiB.
    """
    if name in zoo.EMBEDDED:
        raise ValueError(f"{name} comes with AdvMI; there is nothing to fetch")
    if not name.startswith(zoo.PREFIXES):
        raise ValueError(f"model must be timm:NAME or torchvision:NAME, got {name!r}")
    card = zoo.describe(name)
    url = str(card["source"])
    size, sha256 = size_and_hash(url)
    if size > MOST:
        raise DownloadError(
            f"the weights of {name} must have at most {MOST >> 30} GiB, they have {size:,} bytes"
        )
    named = _NAMED_HASH.search(url)
    return Offer(name, url, size, str(card["licence"]), sha256 or (named[1] if named else ""))


def fetch(offered: Offer, progress: Progress | None = None) -> Path:
    """Fetch the weights and write them with their card into the cache.

    Raises:
        DownloadError: no network, or what came is not what was offered or no weights; nothing is kept.
    """
    path, digest = zoo.place(offered.name), hashlib.sha256()
    most = offered.size or MOST

    def arrive(temporary: Path) -> None:
        receive(offered.url, temporary, digest, most, lambda done: progress and progress(done, offered.size))
        if not digest.hexdigest().startswith(offered.sha256):
            raise DownloadError(
                f"{offered.url} delivered another file than the published one (sha256 {digest.hexdigest()}, "
                f"wanted {offered.sha256}); nothing was kept"
            )
        if not offered.url.endswith(".safetensors"):
            temporary.write_bytes(_tensors(temporary, offered.url))

    try:
        write_atomically(path, arrive)
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(str(error)) from error
    blob = path.read_bytes()
    card: dict[str, Any] = {**zoo.describe(offered.name), "sha256": hashlib.sha256(blob).hexdigest()}
    card["source_sha256"] = digest.hexdigest()
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    write_atomically(
        path.with_name(f"{path.stem}.json"), lambda target: target.write_text(text, encoding="utf-8")
    )
    return path


def _tensors(path: Path, url: str) -> bytes:
    """The tensors of a pickle as safetensors; anything but tensors in it is an error."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise DownloadError(
            f"{url} holds no weights that can be read without running code: {error}"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise DownloadError(f"{url} must hold named tensors and nothing else")
    return tensors_to_bytes({str(key): value.contiguous().clone() for key, value in state.items()})
