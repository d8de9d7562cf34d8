"""Work that other processes can be given by its name."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from advmi_core.experiments.artefact import Arrays
from advmi_core.experiments.executors.executor import Call, Outcome, Work


def powers(settings: dict[str, Any], arrays: Arrays) -> Work:
    """Raises the base to the power that a call names, after ``wait`` seconds, and notes it in ``log``."""

    def work(call: Call, stopped: Callable[[], bool]) -> Outcome | None:
        power = call.settings["power"]
        end = time.monotonic() + (settings.get("wait", 0.0) if power >= settings.get("waits_from", 0) else 0)
        while time.monotonic() < end:
            if stopped():
                return None
            time.sleep(0.002)
        if power == settings.get("fails"):
            raise ValueError("there is no such power")
        if power == settings.get("dies"):
            os._exit(9)
        if "log" in settings:
            with Path(settings["log"]).open("a") as file:
                file.write(f"{power}\n")
        return Outcome({"values": arrays["base"] ** np.float32(power) + call.arrays["plus"]}, 0.25, "abacus")

    return work
