"""Which device computes, and how a CPU is set up for it."""

from __future__ import annotations

import ctypes
import os
import sys

import torch

DEVICES = ("auto", "cuda", "mps", "cpu")


def pick(name: str = "auto") -> torch.device:
    """``auto`` picks cuda, then mps, then cpu; a named device must exist.

    Raises:
        ValueError: the device is unknown or not present on this machine.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, here in present.items() if here))
    kind = name.split(":")[0]
    if not present.get(kind, False):
        here = ", ".join(kind for kind, found in present.items() if found)
        raise ValueError(f"device must be auto or one of {here} on this machine, got {name!r}")
    return torch.device(name)


def tune_cpu() -> None:
    """Settings of METHODS §7 that change speed but no result: call once at a program's start.

    Adam's second moments of tiny gradients are denormal and slow on CPUs, so they are flushed; more
    compute threads than cores only fight; large buffers are kept by the allocator instead of being fetched
    anew, page by page, in every step. Flushing is a setting of the calling thread, the rest of the process.
    """
    torch.set_flush_denormal(True)
    _keep_large_buffers()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if torch.get_num_threads() > cores:
        torch.set_num_threads(cores)


def _keep_large_buffers() -> None:
    """Ask glibc to serve buffers up to 256 MB from its heap and to keep as much; elsewhere do nothing."""
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        trim_threshold, mmap_threshold, size = -1, -3, 256 * 2**20
        mallopt(mmap_threshold, size)
        mallopt(trim_threshold, size)
