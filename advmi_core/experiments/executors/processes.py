"""Worker processes of this machine, which end when their parent does."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

import advmi_core
from advmi_core.experiments.executors.executor import Call, Outcome, WorkerPool
from advmi_core.experiments.executors.messages import Job, outcome_of, receive, send

_SERVE = "from advmi_core.experiments.executors.worker import serve; serve()"
_Process = subprocess.Popen[bytes]


class Processes(WorkerPool):
    """Fresh interpreters: torch's threads do not survive a fork.

    The standard library's pools would run the parent's main script in each of them; under Streamlit that is
    the app.
    """

    def __init__(self, job: Job, workers: int) -> None:
        self.workers = workers
        self._first = Call({"function": job.function, "settings": job.settings}, job.arrays)
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self._all: list[_Process] = []
        self._stopped = False
        self._lock = threading.Lock()

    def ask(self, call: Call) -> Outcome | None:
        messages = [call]
        try:
            process = self._idle.get_nowait()
        except queue.Empty:
            started = self._start()
            if started is None:
                return None
            process, messages = started, [self._first, call]
        try:
            answer = _ask(process, messages)
        except (EOFError, OSError):
            if self._stopped:
                return None
            raise ChildProcessError(
                f"a worker died (exit code {process.wait()}); finished parts are kept, start again to go on"
            ) from None
        self._idle.put(process)
        return outcome_of(answer)

    def _start(self) -> _Process | None:
        with self._lock:  # after ``stop`` nothing must be started that nobody would end
            if self._stopped:
                return None
            home = str(Path(advmi_core.__file__).parent.parent)
            path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
            process = subprocess.Popen(
                [sys.executable, "-c", _SERVE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C is for the parent, which then ends the workers
            )
            self._all.append(process)
        return process

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
        for process in self._all:
            process.kill()  # it holds nothing that could be lost

    def close(self) -> None:
        for process in self._all:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                with contextlib.suppress(OSError):  # a call that the killed worker never read
                    pipe.close()
        self._all = []


def _ask(process: _Process, messages: list[Call]) -> Call:
    """Send the messages and wait for the answer to the last one."""
    assert process.stdin is not None
    assert process.stdout is not None
    for message in messages:
        send(process.stdin, message)
    return receive(process.stdout)
