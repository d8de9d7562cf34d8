"""Workers by way of Ray, on this machine or on a cluster; outcomes travel back, so no disk is shared."""

from __future__ import annotations

import logging
import os
import socket
import threading
from typing import Any

import torch

from advmi_core.device import pick
from advmi_core.models import Network
from advmi_core.studies.sweep.executors.pool import WorkerPool, cores
from advmi_core.studies.sweep.executors.work import Task, measure, placed, settle
from advmi_core.studies.sweep.folder import Measured

_POLL = 0.2  # seconds
_PATIENCE = 5.0
_MEMORY = 256 << 20  # bytes for what travels between processes, far more than a few shards


class OnRay(WorkerPool):
    """Tasks of Ray, one core each, and a GPU of its own where that is to compute.

    Raises:
        ValueError: Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(
        self, network: Network, workers: int | None, address: str | None, device: torch.device
    ) -> None:
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
        scarce = "GPU" if device.type == "cuda" else "CPU"
        self.workers = workers or max(1, int(self._ray.cluster_resources().get(scarce, 1)))
        self._network = self._ray.put(network)
        self._kind = device.type  # Ray shows a task no GPU but its own
        gpus = int(device.type == "cuda")
        self._remote = self._ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0)(_measure)
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

    def measure(self, task: Task) -> Measured | None:
        ray = self._ray
        reference = self._remote.remote(self._network, task, self._kind)
        while not ray.wait([reference], timeout=_POLL)[0]:
            if self._stopped.is_set():
                ray.cancel(reference, force=True)
                return None
        try:
            measured = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise ChildProcessError(
                f"the Ray worker that computed {task.shard.name} died: {str(error).splitlines()[0]}; "
                "finished shards are kept, start the run again to go on"
            ) from None
        assert isinstance(measured, Measured)
        return measured

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


def _measure(network: Network, task: Task, kind: str) -> Measured | None:
    settle()
    return measure(placed(network, pick(kind)), task)
