"""A worker process: its job, then calls come in on standard input, outcomes leave on standard output."""

from __future__ import annotations

import os
import queue
import sys
import threading

from advmi_core.experiments.executors.executor import Call, Outcome, Work, settle
from advmi_core.experiments.executors.messages import Job, answer, receive, resolve, send


def serve() -> None:
    """Take the job, then answer every call with its outcome or with the error that it ended in."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed on the way must not mix with the answers
    messages: queue.SimpleQueue[Call] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(messages,), daemon=True).start()
    settle()
    first = messages.get()
    job = Job(**first.settings, arrays=first.arrays)
    work: Work | None = None
    while True:
        call = messages.get()
        try:
            work = work or resolve(job)
            outcome: Outcome | Exception | None = work(call, lambda: False)
        except Exception as error:
            outcome = error
        assert outcome is not None  # nobody stops a worker but by ending it
        send(answers, answer(outcome))


def _listen(messages: queue.SimpleQueue[Call]) -> None:
    """Take messages as they come; end the process, in the midst of a call or not, when the parent is gone.

    The parent holds the other end of the pipe, so this sees it die by whatever signal, on every system.
    (Linux's parent-death signal would already come when the thread ends that started the worker.)
    """
    while True:
        try:
            messages.put(receive(sys.stdin.buffer))
        except EOFError:
            os._exit(1)
