"""A worker process: tasks come in on standard input, outcomes leave on standard output.

Messages are pickles of our own making, each after its length; nothing else is ever unpickled.
"""

from __future__ import annotations

import os
import pickle
import queue
import struct
import sys
import threading
from typing import IO, Any

from advmi_core.experiments.work import measure, settle

_LENGTH = struct.Struct("<Q")


def send(stream: IO[bytes], message: Any) -> None:
    """Write one message."""
    blob = pickle.dumps(message)
    stream.write(_LENGTH.pack(len(blob)))
    stream.write(blob)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
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
    return pickle.loads(blob)


def serve() -> None:
    """Take the network, then answer every task with its outcome or with the error that it ended in."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed on the way must not mix with the answers
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(messages,), daemon=True).start()
    settle()
    network = messages.get()
    while True:
        task = messages.get()
        try:
            answer: Any = measure(network, task)
        except Exception as error:
            answer = error if _travels(error) else RuntimeError(f"{type(error).__name__}: {error}")
        send(answers, answer)


def _listen(messages: queue.SimpleQueue[Any]) -> None:
    """Take messages as they come; end the process, in the midst of a task or not, when the parent is gone.

    The parent holds the other end of the pipe, so this sees it die by whatever signal, on every system.
    (Linux's parent-death signal would already come when the thread ends that started the worker.)
    """
    while True:
        try:
            messages.put(receive(sys.stdin.buffer))
        except EOFError:
            os._exit(1)


def _travels(error: Exception) -> bool:
    try:
        return type(pickle.loads(pickle.dumps(error))) is type(error)
    except Exception:
        return False
