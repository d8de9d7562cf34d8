"""Which device computes, and how a CPU is set up for it."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

import torch

DEVICES = ("auto", "cuda", "mps", "cpu")
VARIABLE = "ADVMI_DEVICE"
"""What ``auto`` means, for this process and those that it starts."""


def pick(name: str = "auto") -> torch.device:
    """The device of this name, set up to compute in full float32 (see ``compute_exactly``).

    Args:
        name: ``auto`` (``$ADVMI_DEVICE`` where that is set, else cuda, then mps, then cpu), a kind of
            ``DEVICES``, or one GPU as in ``cuda:1``.

    Raises:
        ValueError: the device is unknown or not present on this machine.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    here = [kind for kind, found in present.items() if found]
    if name == "auto":
        name = os.environ.get(VARIABLE) or "auto"
    wanted = here[0] if name == "auto" else name
    try:
        device = torch.device(wanted)
    except (RuntimeError, TypeError):
        device = None
    if device is None or device.type not in here:
        raise ValueError(f"device must be auto or one of {', '.join(here)} on this machine, got {name!r}")
    count = torch.cuda.device_count() if device.type == "cuda" else 1
    if device.index is not None and device.index >= count:
        last = f"{device.type}:0" + (f" to {device.type}:{count - 1}" if count > 1 else "")
        raise ValueError(f"device must be {last} or another kind on this machine, got {name!r}")
    compute_exactly(device)
    return device


def describe(device: torch.device) -> str:
    """The device for people, a GPU by its maker's name."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def compute_exactly(device: torch.device) -> None:
    """Products and convolutions in float32 as the IEEE has it; a setting of the process.

    NVIDIA GPUs round the factors of a convolution to TF32's ten bits unless told otherwise, which moves a
    criterion by up to 5·10⁻³ logits, while verdicts tie at 10⁻⁴ (METHODS §10).
    """
    if device.type == "cuda":
        cuda: Any = torch.backends.cuda.matmul
        cudnn: Any = torch.backends.cudnn
        # The older switches too: torch raises an error at whoever reads them when they contradict the newer.
        cuda.allow_tf32 = cudnn.allow_tf32 = False
        for part in (cuda, cudnn.conv, cudnn.rnn):
            part.fp32_precision = "ieee"


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
