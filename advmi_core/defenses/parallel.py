"""Several processes training one model, started by ``torchrun``: gradients are averaged, one writes files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, distributed

from advmi_core import device as devices


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Attributes:
        rank: 0…size−1; rank 0 writes files.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> Self:
        """As torch.distributed was started; alone if it was not."""
        if not distributed.is_available() or not distributed.is_initialized():
            return cls()
        return cls(distributed.get_rank(), distributed.get_world_size())

    def shard(self, batch: Tensor) -> Tensor:
        """This process's rows of a tensor (B,…) that all processes have alike."""
        return batch[self.rank :: self.size]

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each floating-point tensor by its mean over the processes, all in one message."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        flat /= self.size
        sizes = [tensor.numel() for tensor in tensors]
        for tensor, mean in zip(tensors, torch.split(flat, sizes), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def wait(self) -> None:
        """Go on when all processes have come here, as where one of them writes what the others read."""
        if self.size > 1:
            distributed.barrier()

    def agree(self, value: int, name: str, device: torch.device) -> None:
        """Raise RuntimeError in every process unless all have the same number; nobody goes on before."""
        if self.size == 1:
            return
        seen = torch.tensor([value, -value], device=device)
        distributed.all_reduce(seen, distributed.ReduceOp.MAX)
        high, low = int(seen[0]), -int(seen[1])
        if high != low:
            raise RuntimeError(
                f"{name} must be the same in every process, got {low}…{high}: do all see the same folder?"
            )


@contextmanager
def processes(device: str = "auto") -> Iterator[torch.device]:
    """Join the processes that ``torchrun`` started, if it did, and give this one its device.

    Args:
        device: see ``device.pick``; each process of this machine gets a GPU of its own, ``cuda:1`` names the
            first one's.

    Raises:
        ValueError: there are fewer GPUs than processes, or the device takes one process only.
    """
    chosen = devices.pick(device)
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size < 2:
        yield chosen
        return
    if chosen.type == "mps":
        raise ValueError(f"device must be cuda or cpu for several processes, got {device!r} for {size}")
    if chosen.type == "cuda":
        chosen = _own_gpu(chosen.index or 0, int(os.environ.get("LOCAL_WORLD_SIZE", size)))
        torch.cuda.set_device(chosen)
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield chosen
    finally:
        distributed.destroy_process_group()


def _own_gpu(first: int, processes_here: int) -> torch.device:
    """This process's GPU, counted from the first one's; every process finds the same fault."""
    here = torch.cuda.device_count() - first
    if processes_here > here:
        raise ValueError(
            f"each process needs a GPU of its own, got {processes_here} processes for {here} of them from "
            f"cuda:{first} on; start torchrun with --nproc-per-node={here}"
        )
    return torch.device("cuda", first + int(os.environ["LOCAL_RANK"]))
