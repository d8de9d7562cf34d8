"""Parts of a study side by side, one compute thread each: the number of cores changes no bit of a result."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

from advmi_core.device import tune_cpu

T = TypeVar("T")


def in_order(jobs: Iterable[Callable[[], T]], workers: int) -> Generator[T, None, None]:
    """Yield what the jobs return, in their order, ``workers`` of them computed at a time.

    Closing the generator drops the jobs that have not begun and waits for those that have.
    """
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(workers, "advmi-part", initializer=_one_thread)
    ahead: deque[Future[T]] = deque()
    try:
        for job in jobs:
            ahead.append(pool.submit(job))
            if len(ahead) > 2 * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(threads)  # in part a setting of the process, which the workers changed


def _one_thread() -> None:
    tune_cpu()
    torch.set_num_threads(1)
