"""Run a read in a process of its own: how much CPU time and memory it takes, and how it ends."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from advmi_core import data

# Fresh processes that have imported AdvMI already: nothing of the tests' own memory is in them.
_FRESH = multiprocessing.get_context("forkserver")
_FRESH.set_forkserver_preload(["advmi_core.data"])


@dataclass(frozen=True)
class Cost:
    """What came out, CPU seconds, and MB beyond the process that had only imported AdvMI."""

    seen: str
    seconds: float
    megabytes: float


def cost(what: str, path: str | Path, *rest: str) -> Cost:
    """``picture PATH``, ``folder PATH [resized]`` or ``named DATASET``, in a fresh process."""
    here, there = _FRESH.Pipe()
    process = _FRESH.Process(target=_measure, args=(there, dict(os.environ), what, str(path), bool(rest)))
    process.start()
    there.close()
    answer = here.recv() if here.poll(240) else None
    process.join(10)
    assert process.exitcode == 0
    assert isinstance(answer, Cost)
    return answer


def _measure(out: Connection, environment: Mapping[str, str], what: str, path: str, resized: bool) -> None:
    os.environ.update(environment)
    warnings.simplefilter("ignore")
    reads = {
        "picture": lambda: data.decode_image(Path(path).read_bytes(), (3, 32, 32)).size,
        "folder": lambda: len(data.load_folder(path, "train", (3, 32, 32) if resized else None)),
        "named": lambda: len(data.load(path, split="test")),
    }
    base, start = _peak(), time.process_time()
    try:
        seen = repr(reads[what]())
    except ValueError as error:
        seen = f"ValueError: {error}"
    out.send(Cost(seen, time.process_time() - start, _peak() - base))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
