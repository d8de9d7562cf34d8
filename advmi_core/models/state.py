"""Weights and optimiser moments as named tensors: what a training needs to go on where it was stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

Modules = Mapping[str, nn.Module]
Optimizers = Mapping[str, torch.optim.Optimizer]


def copy_state(modules: Modules, optimizers: Optimizers) -> dict[str, Tensor]:
    """Copies of all weights, buffers and moments, on the CPU."""
    tensors = {
        f"{name}/weights/{key}": value
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    for name, optimizer in optimizers.items():
        for index, moments in optimizer.state_dict()["state"].items():
            for key, value in moments.items():
                tensors[f"{name}/moments/{index}/{key}"] = torch.as_tensor(value)
    # A file takes contiguous tensors only, and weights may lie with the channels last.
    return {
        key: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for key, value in tensors.items()
    }


def restore_state(modules: Modules, optimizers: Optimizers, tensors: dict[str, Tensor]) -> None:
    """Put back what ``copy_state`` of the same modules and optimisers gave."""
    moments: dict[str, dict[int, dict[str, Tensor]]] = {name: {} for name in optimizers}
    weights: dict[str, dict[str, Tensor]] = {name: {} for name in modules}
    for path, value in tensors.items():
        name, kind, key = path.split("/", 2)
        if kind == "weights":
            weights[name][key] = value
        else:
            index, moment = key.split("/")
            moments[name].setdefault(int(index), {})[moment] = value
    for name, module in modules.items():
        module.load_state_dict(weights[name])
    for name, optimizer in optimizers.items():
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": moments[name], "param_groups": groups})


def digest(module: nn.Module) -> str:
    """A short hash of all weights and buffers."""
    values = hashlib.sha256()
    for tensor in module.state_dict().values():
        values.update(tensor.cpu().numpy().tobytes())
    return values.hexdigest()[:12]
