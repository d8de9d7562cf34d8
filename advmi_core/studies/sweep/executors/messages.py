"""Messages between driver and worker process: arrays and JSON in NPZ bytes, so nothing is unpickled."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from advmi_core.attacks import ATTACKS
from advmi_core.evaluation import ImageTable
from advmi_core.studies.sweep.executors.work import Task
from advmi_core.studies.sweep.folder import Measured, Shard
from advmi_core.studies.sweep.spec import Cell

_LENGTH = struct.Struct("<Q")
_FACTS = "facts"


@dataclass(frozen=True, eq=False)
class Message:
    """JSON-serialisable facts, and arrays by name."""

    facts: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def send(stream: IO[bytes], message: Message) -> None:
    """Write one message, after its length."""
    buffer = io.BytesIO()
    arrays = {**message.arrays, _FACTS: np.array(json.dumps(message.facts))}
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for a flag
    stream.write(_LENGTH.pack(buffer.tell()))
    stream.write(buffer.getbuffer())
    stream.flush()


def receive(stream: IO[bytes]) -> Message:
    """Wait for one message.

    Raises:
        EOFError: the other side is gone.
    """
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (size,) = _LENGTH.unpack(head)
    blob = stream.read(size)
    if len(blob) < size:
        raise EOFError
    with np.load(io.BytesIO(blob), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return Message(json.loads(str(arrays.pop(_FACTS))), arrays)


def from_task(task: Task) -> Message:
    """A task for a worker that has the network."""
    shard = task.shard
    where = {"method": shard.cell.method, "eps": shard.cell.eps, "start": shard.start, "stop": shard.stop}
    return Message({"attack": task.attack.spec(), "shard": where}, {"x": task.x, "y": task.y})


def to_task(message: Message) -> Task:
    """The task of ``from_task``."""
    parameters, where = dict(message.facts["attack"]), message.facts["shard"]
    attack = ATTACKS[parameters.pop("attack")](**parameters)
    shard = Shard(Cell(where["method"], where["eps"]), where["start"], where["stop"])
    return Task(shard, attack, message.arrays["x"], message.arrays["y"])


def from_outcome(outcome: Measured | Exception) -> Message:
    """What became of a task."""
    if isinstance(outcome, Exception):
        return Message({"error": type(outcome).__name__, "text": str(outcome)}, {})
    return Message(
        {"seconds": outcome.seconds, "device": outcome.device},
        {**outcome.table.arrays(), "x_adv": outcome.x_adv},
    )


def to_outcome(message: Message) -> Measured:
    """The outcome of ``from_outcome``.

    Raises:
        ValueError: the task ended in one.
        RuntimeError: it ended in another error, which is named.
    """
    facts, arrays = message.facts, dict(message.arrays)
    if "error" in facts:
        if facts["error"] == ValueError.__name__:
            raise ValueError(facts["text"])
        raise RuntimeError(f"{facts['error']}: {facts['text']}")
    x_adv = arrays.pop("x_adv")
    return Measured(ImageTable.from_arrays(arrays), x_adv, facts["seconds"], facts["device"])
