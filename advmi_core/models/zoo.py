"""ImageNet networks of timm and torchvision: one comes with AdvMI, any other is read from the local cache.

The libraries build the networks and know their normalisation; weights are safetensors files with a card, as
everywhere. Both are imported where they are needed, because that takes seconds.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from advmi_core import paths
from advmi_core.data.imagenet import imagenet_classes
from advmi_core.files import parse_json
from advmi_core.models import checkpoints
from advmi_core.models.checkpoints import CheckpointError
from advmi_core.models.wrapped import Facts, WrappedClassifier

EMBEDDED = ("efficientnet-lite0",)
"""Names of the networks that come with AdvMI."""
TIMM, TORCHVISION = "timm:", "torchvision:"
PREFIXES = (TIMM, TORCHVISION)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def load(name: str) -> WrappedClassifier | None:
    """The network of this name on the CPU; None if the name is not of this family.

    Raises:
        ValueError: the library knows no such network.
        CheckpointError: it is not in the cache, or its file is damaged.
    """
    if name not in EMBEDDED and not name.startswith(PREFIXES):
        return None
    path = place(name)
    if not path.is_file():
        describe(name)  # an unknown name is told first
        raise CheckpointError(
            f"{name} is not on this machine: `advmi models get {name}` fetches its weights, or lay them at "
            f"{path}"
        )
    card, blob = _read(path, name)
    module = checkpoints.fill(lambda: build(card["architecture"], card["classes"]), blob, path)
    channels, height, width = card["shape"]
    facts = Facts(
        (channels, height, width), tuple(card["mean"]), tuple(card["std"]), tuple(card["class_names"])
    )
    network = WrappedClassifier(module, (channels, height, width), card["classes"], facts)
    network.name, network.card = name, card
    return network


def _read(path: Path, name: str) -> tuple[dict[str, Any], bytes]:
    """Card and weights; weights without a card are described by their library, their hash is not checked."""
    if path.with_suffix(".json").is_file():
        card, blob = checkpoints.verified(path, name)
    else:
        card, blob = describe(name), path.read_bytes()
        card["sha256"] = hashlib.sha256(blob).hexdigest()
    wanted = {"architecture": str, "mean": list, "std": list, "dataset": dict}
    if lost := [key for key, kind in wanted.items() if not isinstance(card.get(key), kind)]:
        raise CheckpointError(f"the card of {path.name} must hold {', '.join(lost)}")
    return {"class_names": _class_names(card["classes"]), **card}, blob


def _class_names(classes: int) -> list[str]:
    names = imagenet_classes()
    return list(names) if len(names) == classes else []


def place(name: str) -> Path:
    """Where the weights lie, or would lie.

    Raises:
        ValueError: the name cannot be that of a network.
    """
    if name in EMBEDDED:
        return paths.assets() / "weights" / "imagenet" / f"{name}.safetensors"
    library, _, network = name.partition(":")
    if not _NAME.fullmatch(network):
        raise ValueError(f"model must be {library}:NAME such as timm:mobilenetv3_small_100, got {name!r}")
    return folder() / library / f"{network}.safetensors"


def folder() -> Path:
    """The cache of fetched weights, with a folder timm and a folder torchvision."""
    return paths.cache() / "models"


def cards(fetched: bool = True) -> list[dict[str, Any]]:
    """The cards of the networks that come with AdvMI, then of those in the cache; each has a ``title``."""
    cached = [path for prefix in PREFIXES for path in (folder() / prefix[:-1]).glob("*.json")]
    found = []
    for path in (
        *(place(name).with_suffix(".json") for name in EMBEDDED),
        *sorted(cached if fetched else ()),
    ):
        try:
            card = parse_json(path.read_text(encoding="utf-8"))
            name = str(card["model"])
            found.append({**card, "title": card.get("title", name), "dataset": card["dataset"]})
        except (OSError, ValueError, KeyError, TypeError):  # a half card is nobody's model
            continue
    return found


def build(architecture: str, classes: int | None = None) -> nn.Module:
    """An untrained network of a library; the global random state is neither read nor written.

    Raises:
        ValueError: the library knows no such network.
    """
    library, _, name = architecture.partition(":")
    with torch.random.fork_rng(devices=[]):
        if library == "timm":
            return _timm_network(name, classes)
        return _torchvision_network(name, classes)


def _timm_network(name: str, classes: int | None) -> nn.Module:
    import timm

    _check_timm(name)
    given: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    network: nn.Module = timm.create_model(name, pretrained=False, **given)
    return network


def _check_timm(name: str) -> None:
    import timm

    if not timm.is_model(name):
        near = timm.list_models(f"*{name.split('.')[0][:8]}*")[:3]
        hint = f"; names like it are {', '.join(near)}" if near else ""
        raise ValueError(f"timm has no network {name!r}{hint}")


def _torchvision_network(name: str, classes: int | None) -> nn.Module:
    from torchvision import models as library

    _check_torchvision(name)
    given = {} if classes is None else {"num_classes": classes}
    if name in ("googlenet", "inception_v3"):
        given |= {"init_weights": False}  # their own start takes a minute
    network: nn.Module = library.get_model(name, weights=None, **given)
    return network


def _check_torchvision(name: str) -> None:
    from torchvision import models as library

    known = library.list_models(module=library)
    if name not in known:
        near = [each for each in known if name[:5] in each][:3]
        hint = f"; names like it are {', '.join(near)}" if near else ""
        raise ValueError(f"torchvision has no classifier {name!r}{hint}")


def describe(name: str) -> dict[str, Any]:
    """The card of a network before its weights are here: shape, normalisation, licence and address.

    Raises:
        ValueError: the library knows no such network, or no weights of it.
    """
    library, _, network = name.partition(":")
    card = _timm_card(network) if library == "timm" else _torchvision_card(network)
    return {
        "format": checkpoints.FORMAT,
        "model": name,
        "architecture": name,
        "title": name,
        "stored_as": "float32",
        "dataset": {"name": "imagenet", "note": ""},
        "metrics": {},
        **card,
    }


def _timm_card(name: str) -> dict[str, Any]:
    import timm

    _check_timm(name)
    facts = timm.models.get_pretrained_cfg(name)
    if facts is None or not (facts.hf_hub_id or facts.url):
        raise ValueError(f"timm has no weights of {name!r} to fetch")
    hub = f"https://huggingface.co/{facts.hf_hub_id}/resolve/main/model.safetensors"
    return {
        "shape": list(facts.input_size),
        "classes": facts.num_classes,
        "mean": list(facts.mean),
        "std": list(facts.std),
        "licence": facts.license or "not stated",
        "source": hub if facts.hf_hub_id else facts.url,
    }


def _torchvision_card(name: str) -> dict[str, Any]:
    from torchvision import models as library

    _check_torchvision(name)
    weights = library.get_model_weights(name).DEFAULT
    wanted = weights.transforms()
    return {
        "shape": [3, wanted.crop_size[0], wanted.crop_size[0]],
        "classes": len(weights.meta["categories"]),
        "class_names": list(weights.meta["categories"]),
        "mean": list(wanted.mean),
        "std": list(wanted.std),
        "licence": "BSD-3-Clause, torchvision",
        "source": weights.url,
    }
