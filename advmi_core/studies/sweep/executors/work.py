"""One shard's work, the same in every executor: a task in plain arrays goes in, a table and x̃ come out."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from advmi_core.attacks import Attack, AttackResult
from advmi_core.device import describe, tune_cpu
from advmi_core.evaluation import ImageTable, tabulate
from advmi_core.models import Network
from advmi_core.studies.sweep.folder import Measured, Shard
from advmi_core.studies.sweep.inputs import objective

_LOOKS = 20  # how often an attack asks whether it was stopped


@dataclass(frozen=True, eq=False)
class Task:
    """What a worker needs besides the network: the attack, images x (b,C,H,W) and labels y (b,)."""

    shard: Shard
    attack: Attack
    x: NDArray[np.float32]
    y: NDArray[np.int64]


def settle() -> None:
    """Set up the calling thread of a worker: bytes depend on its one compute thread and on its flushing."""
    tune_cpu()
    torch.set_num_threads(1)


def placed(network: Network, device: torch.device) -> Network:
    """The network on a device; a copy, unless it lies there already."""
    if next(network.parameters()).device.type == device.type == "cpu":
        return network
    return copy.deepcopy(network).to(device)


def measure(network: Network, task: Task, stopped: Callable[[], bool] = lambda: False) -> Measured | None:
    """Attack those images of a shard that the network gets right; None if it was stopped on the way.

    Call ``settle`` first.
    """
    x, y = torch.from_numpy(task.x), torch.from_numpy(task.y)
    index = np.arange(task.shard.start, task.shard.stop)
    right = objective(network, y).on(x).correct.cpu().numpy()
    device = next(network.parameters()).device
    # Of one core: what else the machine does is not counted. On a GPU a core only waits.
    clock = time.thread_time if device.type == "cpu" else time.perf_counter
    tables = [ImageTable.left_out(index[~right])]
    x_adv = task.x.copy()
    began = clock()
    ended = began
    if right.any():
        attacked = torch.from_numpy(np.flatnonzero(right))
        run = task.attack.run(
            objective(network, y[attacked]),
            x[attacked],
            rows=index[right].tolist(),
            record_every=max(1, task.attack.iterations // _LOOKS),
        )
        for _ in run:
            if stopped():
                return None
        result: AttackResult = run.result
        ended = clock()  # the distances are nobody's cost
        tables.append(tabulate(result, index[right]))
        x_adv[right] = result.x_adv.numpy()
    table = ImageTable.join(tables)
    return Measured(table.take(np.argsort(table.index)), x_adv, ended - began, describe(device))
