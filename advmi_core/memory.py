"""Running out of memory: how every device says so, and going on with smaller parts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

_LOG = logging.getLogger(__name__)
_WORDS = ("out of memory", "alloc_failed", "can't allocate memory", "not enough memory")
T = TypeVar("T")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that an allocation failed, on a CPU or on an accelerator.

    Only CUDA's allocator has a class of errors for it; its driver, cuBLAS, cuDNN, MPS and the CPU's allocator
    say it in a RuntimeError's words.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _WORDS)


def give_back(device: torch.device) -> None:
    """Free what the allocator of an accelerator holds for later.

    Call it after the except block: inside, the error's traceback still holds the tensors that were too much.
    """
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def say_smaller(size: int) -> str:
    """The sentence for the user when a part did not fit."""
    return f"A batch did not fit the memory, so {size} images at a time are computed."


def slices(count: int, size: int) -> list[slice]:
    """Rows 0…count−1, at most ``size`` at once."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def in_parts(
    compute: Callable[[slice], T],
    count: int,
    size: int,
    device: torch.device,
    tell: Callable[[str], object] = _LOG.warning,
) -> list[T]:
    """What ``compute`` gives for rows 0…count−1, at most ``size`` at once; what does not fit is halved.

    Args:
        compute: takes the rows of a part; a part that failed is computed anew.
        count: rows.
        size: rows of a part at first, ≥ 1.
        device: where it computes.
        tell: hears the sentence for the user when parts become smaller.
    """
    found: list[T] = []
    start = 0
    while start < count:
        rows = slice(start, min(start + size, count))
        try:
            found.append(compute(rows))
        except (RuntimeError, MemoryError) as error:
            if rows.stop - rows.start == 1 or not out_of_memory(error):
                raise
            size = (rows.stop - rows.start) // 2
        else:
            start = rows.stop
            continue
        give_back(device)
        tell(say_smaller(size))
    return found


@contextmanager
def whole_batch(batch: int, why: str) -> Iterator[None]:
    """Inside, something needs a whole batch; where that does not fit, it says so in one sentence.

    Raises:
        ValueError: out of memory.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise ValueError(
            f"a batch of {batch} images does not fit the memory and cannot be halved, because {why}; "
            "take a smaller batch"
        ) from error
