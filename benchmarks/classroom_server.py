"""The app's server as a class meets it, and what it takes: for benchmarks/classroom.py.

``python -m benchmarks.classroom_server PORT`` serves the app; every line on its standard input is answered
with one line of JSON on its standard output, and its end ends the server.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[1]
_STARTS_WITHIN = 120.0


class Server:
    """The app on a free port of this machine, ended with its ``with`` block."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.classroom_server", str(self.port)],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def __enter__(self) -> Self:
        deadline = time.monotonic() + _STARTS_WITHIN
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended with exit code {self._process.returncode}")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stcore/health", timeout=5).close()
                return self
            except OSError:
                time.sleep(0.2)
        self.stop()
        raise RuntimeError(f"the server did not answer within {_STARTS_WITHIN:.0f} s")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def ask(self) -> dict[str, Any]:
        """``rss`` and ``peak`` (bytes), ``threads``, ``seconds`` of CPU, ``active`` and ``known`` jobs."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def _tell(answers: int) -> None:
    from advmi_core.jobs import shared

    with os.fdopen(answers, "w") as out:
        for _ in sys.stdin:
            gc.collect()
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            used = resource.getrusage(resource.RUSAGE_SELF)
            active, known = shared().count()
            facts = {
                "rss": pages * resource.getpagesize(), "peak": used.ru_maxrss * 1024,
                "threads": threading.active_count(), "seconds": used.ru_utime + used.ru_stime,
                "active": active, "known": known,
            }  # fmt: skip
            out.write(json.dumps(facts) + "\n")
            out.flush()
    os._exit(0)


def main() -> None:
    """Serve the app."""
    from advmi_core.ui import serve

    answers = os.dup(1)
    os.dup2(2, 1)
    threading.Thread(target=_tell, args=(answers,), daemon=True).start()
    serve.main([f"--server.port={sys.argv[1]}", "--server.headless=true"])


if __name__ == "__main__":
    main()
