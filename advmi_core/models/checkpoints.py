"""Trained weights on disk: a safetensors file and a JSON card beside it. Nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor, nn

from advmi_core import device as devices
from advmi_core import paths
from advmi_core.files import parse_json, write_atomically
from advmi_core.models.base import Network
from advmi_core.models.registry import MODELS, skeleton
from advmi_core.validate import check_choice

NetworkT = TypeVar("NetworkT", bound=Network)
ModuleT = TypeVar("ModuleT", bound=nn.Module)

FORMAT = 1
"""Version of the card's layout."""
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, or not what its card says."""


def load(
    name: str, dataset: str = "fashion-mnist", device: str = "cpu", weights: Path | str | None = None
) -> Network:
    """A trained model of ``MODELS``; see ``models.load``, which loads any.

    Raises:
        ValueError: an unknown model or device.
        CheckpointError: no such weights, or they are damaged or do not belong to their card.
    """
    check_choice(name, "model", tuple(MODELS))
    target = devices.pick(device)
    path = shipped(name, dataset) if weights is None else Path(weights)
    return read(path, name, _skeleton).to(target).freeze()


def read(path: Path, name: str, skeleton_of: Callable[[dict[str, Any]], NetworkT]) -> NetworkT:
    """A network filled from a file, on the CPU.

    Args:
        path: the weights, with their card beside them.
        name: what the card must call the model.
        skeleton_of: the network without memory that belongs to a card.

    Raises:
        CheckpointError: the file is missing, damaged, or does not belong to its card or to this name.
    """
    card, blob = verified(path, name)
    network = fill(lambda: skeleton_of(card), blob, path)
    network.card = card
    return network


def verified(path: Path, name: str) -> tuple[dict[str, Any], bytes]:
    """The card of a file of weights, and the file's bytes, which are those that the card means.

    Raises:
        CheckpointError: as ``read``.
    """
    card, blob = _read(path)
    if card["model"] != name:
        raise CheckpointError(f"{path.name} holds a {card['model']!r}, wanted {name!r}")
    if hashlib.sha256(blob).hexdigest() != card["sha256"]:
        raise CheckpointError(f"{path.name} is damaged: its sha256 is not the one in {card_path(path).name}")
    return card, blob


def fill(skeleton_of: Callable[[], ModuleT], blob: bytes, path: Path) -> ModuleT:
    """A module with the tensors of a safetensors file, floats as float32.

    Args:
        skeleton_of: the module, with or without memory for its weights.
        blob: the file's bytes.
        path: its name, for messages.

    Raises:
        CheckpointError: the tensors are not those of the module.
    """
    try:
        module = skeleton_of()
        state = tensors_from_bytes(blob)
    except (ValueError, KeyError, TypeError, OverflowError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{path.name} cannot be used: {error}") from error
    _check_tensors(state, module.state_dict(), path)
    full = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    module.load_state_dict(full, assign=True)
    return module


def save(network: Network, card: dict[str, Any], folder: Path, half: bool = False) -> Path:
    """Write ``NAME.safetensors`` and ``NAME.json`` into ``folder``, each whole or not at all.

    Args:
        network: the trained model; its ``name`` names the files.
        card: what is known about the training; model, shape, classes, sha256 and format are filled in.
        folder: made if it does not exist.
        half: store as float16; ``rounded`` gives the weights that such a file holds.

    Returns:
        The path of the weights.
    """
    stored = torch.float16 if half else torch.float32
    blob = tensors_to_bytes(
        {
            key: value.detach().to("cpu", stored if value.is_floating_point() else None).contiguous()
            for key, value in network.state_dict().items()
        }
    )
    full = {
        "format": FORMAT,
        "model": network.name,
        "shape": list(network.in_shape),
        "classes": getattr(network, "classes", 0),
        "parameters": sum(p.numel() for p in network.parameters()),
        "stored_as": "float16" if half else "float32",
        "sha256": hashlib.sha256(blob).hexdigest(),
        **card,
    }
    path = folder / f"{network.name}.safetensors"
    text = json.dumps(full, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, lambda temporary: temporary.write_bytes(blob))
    write_atomically(card_path(path), lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return path


def rounded(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights as a float16 file would give them back: what has to be measured before it is saved."""
    return {key: value.half().float() if value.is_floating_point() else value for key, value in state.items()}


def available() -> dict[str, tuple[str, ...]]:
    """Data set → names of the models whose weights are shipped for it."""
    root = paths.assets() / "weights"
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir()) if root.is_dir() else []
    found = {
        folder.name: tuple(name for name in MODELS if (folder / f"{name}.safetensors").is_file())
        for folder in folders
    }
    return {dataset: names for dataset, names in found.items() if names}


def shipped(name: str, dataset: str) -> Path:
    """The weights that came with AdvMI.

    Raises:
        CheckpointError: there are none.
    """
    there = available()
    if dataset not in there:
        raise CheckpointError(f"no weights for the data set {dataset!r}; there are some for {_list(there)}")
    if name not in there[dataset]:
        raise CheckpointError(
            f"no weights of {name!r} for {dataset}; there are {_list(there[dataset])}, "
            f"and `advmi train {name} --dataset {dataset} --out DIR` makes them"
        )
    return paths.assets() / "weights" / dataset / f"{name}.safetensors"


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    try:
        blob = path.read_bytes()
        text = card_path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{path.name} and its card {card_path(path).name} cannot be read: {error}"
        ) from error
    return _card(text, path), blob


def _card(text: str, path: Path) -> dict[str, Any]:
    try:
        card: dict[str, Any] = parse_json(text)
    except ValueError as error:
        raise CheckpointError(f"{card_path(path).name} is not JSON: {error}") from error
    wanted = {"format": int, "model": str, "shape": list, "classes": int, "sha256": str, "metrics": dict}
    for key, kind in wanted.items():
        if not isinstance(card, dict) or not isinstance(card.get(key), kind):
            raise CheckpointError(
                f"{card_path(path).name} is not a model card: it needs {key!r} as {kind.__name__}"
            )
    if card["format"] != FORMAT:
        raise CheckpointError(f"{card_path(path).name} has format {card['format']}, wanted {FORMAT}")
    return card


def _skeleton(card: dict[str, Any]) -> Network:
    return skeleton(card["model"], tuple(card["shape"]), card["classes"] or 10)


def _check_tensors(state: dict[str, Tensor], wanted: dict[str, Tensor], path: Path) -> None:
    if state.keys() != wanted.keys():
        odd = sorted(state.keys() ^ wanted.keys())
        raise CheckpointError(
            f"{path.name} does not hold the tensors of its model: missing or extra {_list(odd)}"
        )
    for key, tensor in wanted.items():
        if state[key].shape != tensor.shape:
            seen, expected = tuple(state[key].shape), tuple(tensor.shape)
            raise CheckpointError(f"{path.name}: {key} has shape {seen}, wanted {expected}")
        if not tensor.is_floating_point():  # a count, such as that of a normalisation's batches
            if state[key].dtype != tensor.dtype:
                raise CheckpointError(f"{path.name}: {key} must hold whole numbers")
        elif state[key].dtype not in _FLOATS or not bool(torch.isfinite(state[key]).all()):
            kind = str(state[key].dtype).removeprefix("torch.")
            raise CheckpointError(
                f"{path.name}: {key} must hold finite numbers of 16, 32 or 64 bits, got {kind}"
            )


def card_of(path: Path) -> dict[str, Any]:
    """The card beside a file of weights.

    Raises:
        CheckpointError: it is missing, damaged, or no card.
    """
    try:
        text = card_path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{card_path(path).name} cannot be read: {error}") from error
    return _card(text, path)


def card_path(path: Path) -> Path:
    """Where the card of a file of weights lies."""
    return path.with_suffix(".json")


def _list(names: object) -> str:
    return ", ".join(names) if isinstance(names, dict | list | tuple) and names else "none"
