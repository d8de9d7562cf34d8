"""Messages between driver and worker process: arrays and JSON in NPZ bytes, so nothing is unpickled."""

from __future__ import annotations

import importlib
import io
import json
import struct
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np

from advmi_core.experiments.artefact import Arrays
from advmi_core.experiments.executors.executor import Call, Outcome, Work

_LENGTH = struct.Struct("<Q")
_FACTS = "facts"


@dataclass(frozen=True, eq=False)
class Job:
    """What workers do, in words that can be sent.

    Attributes:
        function: ``"module:name"`` of a function (settings, arrays) → ``Work``.
        settings, arrays: what it is given, once in each worker.
    """

    function: str
    settings: dict[str, Any] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)


def resolve(job: Job) -> Work:
    """What answers the calls of a job."""
    module, _, name = job.function.partition(":")
    work: Work = getattr(importlib.import_module(module), name)(job.settings, job.arrays)
    return work


def send(stream: IO[bytes], message: Call) -> None:
    """Write one message, after its length."""
    buffer = io.BytesIO()
    arrays = {**message.arrays, _FACTS: np.array(json.dumps(message.settings))}
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for a flag
    stream.write(_LENGTH.pack(buffer.tell()))
    stream.write(buffer.getbuffer())
    stream.flush()


def receive(stream: IO[bytes]) -> Call:
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
    return Call(json.loads(str(arrays.pop(_FACTS))), arrays)


def answer(outcome: Outcome | Exception) -> Call:
    """What became of a call, as a message."""
    if isinstance(outcome, Exception):
        return Call({"error": type(outcome).__name__, "text": str(outcome)})
    return Call({"seconds": outcome.seconds, "device": outcome.device}, outcome.arrays)


def outcome_of(message: Call) -> Outcome:
    """The outcome of ``answer``.

    Raises:
        ValueError: the call ended in one.
        RuntimeError: it ended in another error, which is named.
    """
    facts = message.settings
    if "error" in facts:
        if facts["error"] == ValueError.__name__:
            raise ValueError(facts["text"])
        raise RuntimeError(f"{facts['error']}: {facts['text']}")
    return Outcome(message.arrays, facts["seconds"], facts["device"])
