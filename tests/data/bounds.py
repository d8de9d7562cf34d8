"""Run a read in a process of its own: how much CPU time and memory it takes, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_CODE = """
import json, resource, sys, time, warnings
from pathlib import Path
from advmi_core import data
warnings.simplefilter("ignore")
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
what, path, *rest = sys.argv[1:]
reads = {
    "picture": lambda: data.decode_image(Path(path).read_bytes(), (3, 32, 32)).size,
    "folder": lambda: len(data.load_folder(path, "train", (3, 32, 32) if rest else None)),
    "named": lambda: len(data.load(path, split="test")),
}
base, start = peak(), time.process_time()
try:
    seen = repr(reads[what]())
except ValueError as error:
    seen = "ValueError: " + str(error)
print(json.dumps([seen, time.process_time() - start, peak() - base]))
"""


@dataclass(frozen=True)
class Cost:
    """What came out, CPU seconds, and MB beyond the process that had only imported AdvMI."""

    seen: str
    seconds: float
    megabytes: float


def cost(what: str, path: str | Path, *rest: str) -> Cost:
    """``picture PATH``, ``folder PATH [resized]`` or ``named DATASET``, in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE, what, str(path), *rest], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return Cost(*json.loads(done.stdout))
