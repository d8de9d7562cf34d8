"""A worker process: the model, then tasks come in on standard input, outcomes leave on standard output."""

from __future__ import annotations

import os
import queue
import sys
import threading

import torch

from advmi_core import models
from advmi_core.models import Network
from advmi_core.studies.sweep.executors.messages import (
    Message,
    from_outcome,
    receive,
    send,
    to_task,
)
from advmi_core.studies.sweep.executors.work import measure, settle
from advmi_core.studies.sweep.folder import Measured


def serve() -> None:
    """Load the model, then answer every task with its outcome or with the error that it ended in."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed on the way must not mix with the answers
    messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(messages,), daemon=True).start()
    settle()
    about = messages.get().facts
    network: Network | None = None
    while True:
        message = messages.get()
        try:
            network = network or _load(**about)
            outcome: Measured | Exception | None = measure(network, to_task(message))
        except Exception as error:
            outcome = error
        assert outcome is not None  # nobody stops a worker but by ending it
        send(answers, from_outcome(outcome))


def about(network: Network, device: torch.device) -> Message:
    """The first message to a worker."""
    card = network.card
    facts = {"name": network.name, "dataset": card["dataset"]["name"], "sha256": card["sha256"]}
    return Message({**facts, "device": str(device)}, {})


def _load(name: str, dataset: str, sha256: str, device: str) -> Network:
    network = models.load(name, dataset=dataset, device=device)
    if network.card["sha256"] != sha256:
        raise ValueError(f"the weights of {name} for {dataset} were replaced while the run was going on")
    return network


def _listen(messages: queue.SimpleQueue[Message]) -> None:
    """Take messages as they come; end the process, in the midst of a task or not, when the parent is gone.

    The parent holds the other end of the pipe, so this sees it die by whatever signal, on every system.
    (Linux's parent-death signal would already come when the thread ends that started the worker.)
    """
    while True:
        try:
            messages.put(receive(sys.stdin.buffer))
        except EOFError:
            os._exit(1)
