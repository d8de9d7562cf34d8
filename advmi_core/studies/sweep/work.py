"""One shard's work, the same in every executor: a task in plain arrays goes in, a table and x̃ come out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from advmi_core import models
from advmi_core.attacks import ATTACKS, Attack, AttackResult
from advmi_core.device import describe, pick
from advmi_core.evaluation import ImageTable, tabulate
from advmi_core.experiments.artefact import Arrays
from advmi_core.experiments.executors.executor import Call, Outcome, Work
from advmi_core.experiments.executors.messages import Job
from advmi_core.models import Network
from advmi_core.models.registry import skeleton
from advmi_core.studies.sweep.inputs import objective

_LOOKS = 20  # how often an attack asks whether it was stopped


@dataclass(frozen=True, eq=False)
class Measured:
    """A shard's outcome: its table, and x̃ (b,C,H,W) (x where nothing was attacked)."""

    table: ImageTable
    x_adv: NDArray[np.float32]

    def arrays(self) -> Arrays:
        """As they are kept."""
        return {**self.table.arrays(), "x_adv": self.x_adv}

    @classmethod
    def from_arrays(cls, arrays: Arrays, start: int, stop: int) -> Measured | None:
        """The outcome of ``arrays`` if they are of images start…stop−1."""
        columns = dict(arrays)
        x_adv = columns.pop("x_adv", None)
        try:
            table = ImageTable.from_arrays(columns)
        except ValueError:
            return None
        if not np.array_equal(table.index, np.arange(start, stop)):
            return None
        if x_adv is None or x_adv.dtype != np.float32 or x_adv.ndim != 4 or len(x_adv) != len(table):
            return None
        return cls(table, x_adv)


def attacking(network: Network, device: torch.device) -> Job:
    """What workers do: attack this network on a device."""
    facts = {
        "model": network.name,
        "shape": list(network.in_shape),
        "classes": getattr(network, "classes", 10),
        "device": str(device),
        "built_by_name": network.card["sha256"] if network.foreign else "",
    }
    weights = {} if network.foreign else network.state_dict()
    state = {key: value.detach().cpu().numpy() for key, value in weights.items()}
    return Job(f"{__name__}:attacker", facts, state)


def attack_on(attack: Attack, start: int, x: NDArray[np.float32], y: NDArray[np.int64]) -> Call:
    """One shard for a worker: images x (b,C,H,W) from this position of the split on, and labels y (b,)."""
    return Call({"attack": attack.spec(), "start": start}, {"x": x, "y": y})


def _network(settings: dict[str, Any], arrays: Arrays) -> Network:
    """What ``attacking`` was given: of a foreign network only its own code knows the layers."""
    if wanted := settings["built_by_name"]:
        network = models.load(settings["model"])
        if network.card["sha256"] != wanted:
            raise ValueError(f"the weights of {network.name} were replaced while the run was going on")
        return network
    channels, height, width = settings["shape"]
    network = skeleton(settings["model"], (channels, height, width), settings["classes"])
    network.load_state_dict({key: torch.tensor(value) for key, value in arrays.items()}, assign=True)
    return network


def attacker(settings: dict[str, Any], arrays: Arrays) -> Work:
    """What answers the calls of ``attack_on`` in a worker of the job ``attacking``."""
    network = _network(settings, arrays).to(pick(settings["device"])).freeze()

    def work(call: Call, stopped: Callable[[], bool]) -> Outcome | None:
        parameters = dict(call.settings["attack"])
        attack = ATTACKS[parameters.pop("attack")](**parameters)
        return _measure(network, attack, call.settings["start"], call.arrays["x"], call.arrays["y"], stopped)

    return work


def _measure(
    network: Network,
    attack: Attack,
    start: int,
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
    stopped: Callable[[], bool],
) -> Outcome | None:
    """Attack those images that the network gets right; None if it was stopped on the way."""
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    index = np.arange(start, start + len(images))
    right = objective(network, y).on(x).correct.cpu().numpy()
    device = next(network.parameters()).device
    # Of one core: what else the machine does is not counted. On a GPU a core only waits.
    clock = time.thread_time if device.type == "cpu" else time.perf_counter
    tables = [ImageTable.left_out(index[~right])]
    x_adv = images.copy()
    began = clock()
    ended = began
    if right.any():
        attacked = torch.from_numpy(np.flatnonzero(right))
        run = attack.run(
            objective(network, y[attacked]),
            x[attacked],
            rows=index[right].tolist(),
            record_every=max(1, attack.iterations // _LOOKS),
        )
        for _ in run:
            if stopped():
                return None
        result: AttackResult = run.result
        ended = clock()  # the distances are nobody's cost
        tables.append(tabulate(result, index[right]))
        x_adv[right] = result.x_adv.numpy()
    table = ImageTable.join(tables)
    measured = Measured(table.take(np.argsort(table.index)), x_adv)
    return Outcome(measured.arrays(), ended - began, describe(device))
