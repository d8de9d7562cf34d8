"""A process that loads everything once, computes nothing, and forks one for every study that is ordered."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torchmetrics.functional.image  # noqa: F401  else every fork imports it
from kinds import KINDS

from advmi_core.experiments.artefact import Arrays, Artefact
from advmi_core.experiments.executors.executor import settle


def note_parts(log: Path) -> None:
    """From now on every part that is kept is a line of ``log``."""
    put = Artefact.put

    def noted(self: Artefact, name: str, arrays: Arrays, seconds: float, device: str = "") -> None:
        put(self, name, arrays, seconds, device)
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{self.folder.name}/{name}\n")

    Artefact.put = noted  # type: ignore[method-assign]


def child(order: dict[str, Any]) -> None:
    """Run the study that was ordered to its end."""
    code = 1
    try:
        note_parts(Path(order["log"]))
        KINDS[order["kind"]].start(Path(order["root"]), Path(order["place"])).drain()
        code = 0
    finally:
        os._exit(code)


def main() -> None:
    """Answer orders: begin a study and say its pid, or wait for a pid and say how it ended."""
    settle()
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            print(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]), flush=True)
        elif pid := os.fork():
            print(pid, flush=True)
        else:
            child(order)


if __name__ == "__main__":
    main()
