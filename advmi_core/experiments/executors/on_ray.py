"""Workers by way of Ray, on this machine or on a cluster; outcomes travel back, so no disk is shared."""

from __future__ import annotations

import logging
import os
import socket
import threading
from typing import Any

from advmi_core.experiments.executors.executor import Call, Outcome, WorkerPool, cores, settle
from advmi_core.experiments.executors.messages import Job, resolve

_POLL = 0.2  # seconds
_PATIENCE = 5.0
_MEMORY = 256 << 20  # bytes for what travels between processes, far more than a few shards


class OnRay(WorkerPool):
    """Tasks of Ray, one core each, and a GPU of its own where that is to compute.

    Raises:
        ValueError: Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(self, job: Job, workers: int | None, address: str | None, gpu: bool) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # Ray reports its use over the network otherwise
        try:
            import ray
        except ImportError as error:
            raise ValueError(
                f'executor="ray" needs Ray: pip install "advmi[ray]", or take "processes" ({error})'
            ) from error
        self._ray: Any = ray  # its functions have no types
        self._ours = not self._ray.is_initialized()
        if self._ours:
            self._connect(workers, address)
        scarce = "GPU" if gpu else "CPU"
        self.workers = workers or max(1, int(self._ray.cluster_resources().get(scarce, 1)))
        self._job = self._ray.put(job)
        self._remote = self._ray.remote(num_cpus=1, num_gpus=int(gpu), max_retries=0)(_answer)
        self._stopped = threading.Event()

    def _connect(self, workers: int | None, address: str | None) -> None:
        local = {
            "num_cpus": workers or cores(),
            "object_store_memory": _MEMORY,
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",  # nobody outside can connect
        }
        chosen = local if address is None else {"address": address}
        try:
            _knock(address)
            self._ray.init(
                **({"address": "local"} | chosen), log_to_driver=False, logging_level=logging.ERROR
            )
        except (OSError, OverflowError, RuntimeError, ValueError) as error:
            where = address or "this machine"
            raise ValueError(f"Ray cannot be started or reached at {where}: {error}") from error

    def ask(self, call: Call) -> Outcome | None:
        ray = self._ray
        reference = self._remote.remote(self._job, call)
        while not ray.wait([reference], timeout=_POLL)[0]:
            if self._stopped.is_set():
                ray.cancel(reference, force=True)
                return None
        try:
            outcome = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise ChildProcessError(
                f"a Ray worker died: {str(error).splitlines()[0]}; "
                "finished parts are kept, start again to go on"
            ) from None
        assert isinstance(outcome, Outcome)
        return outcome

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        if self._ours:
            self._ray.shutdown()


def _knock(address: str | None) -> None:
    """Raise OSError if nobody answers at ``host:port``; Ray itself would try for many minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()


def _answer(job: Job, call: Call) -> Outcome | None:
    settle()
    return resolve(job)(call, lambda: False)
