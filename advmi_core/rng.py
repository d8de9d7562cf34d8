"""Random streams that belong to a row, so that a row's result does not depend on its batch mates."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from torch import Tensor

_CHUNK = 2**26  # numbers drawn before they are copied to a device: 256 MB


class RowStreams:
    """One independent random stream per row, seeded by (seed, row id, purpose).

    Numbers are drawn on the CPU and moved, so that they are the same on every device. The global
    random state is neither read nor written.

    Args:
        seed: the run's seed, ≥ 0.
        rows: row ids, one per image of the batch, ≥ 0.
        purpose: keeps streams of different uses (start, critic, shuffle) apart.
        device: where the drawn tensors live.
    """

    def __init__(
        self, seed: int, rows: Sequence[int], purpose: int, device: torch.device | str = "cpu"
    ) -> None:
        self.device = torch.device(device)
        self._streams = [torch.Generator().manual_seed(_mix(seed, row, purpose)) for row in rows]

    def __len__(self) -> int:
        return len(self._streams)

    def uniform(self, *shape: int) -> Tensor:
        """(B, *shape) float32 numbers in [0, 1)."""
        return self._stack([torch.rand(shape, generator=g) for g in self._streams])

    def normal(self, *shape: int) -> Tensor:
        """(B, *shape) float32 standard normal numbers."""
        return self._stack([torch.randn(shape, generator=g) for g in self._streams])

    def fill_uniform(self, tensor: Tensor, limit: float) -> None:
        """Fill a (B,…) tensor with numbers in [−limit, limit), each row from its own stream.

        For a device they are drawn on the CPU by the same operation, so that they have the same bits, by all
        cores and in chunks, each of which is copied at once.
        """
        if tensor.device.type == "cpu":
            for row, generator in zip(tensor, self._streams, strict=True):
                row.uniform_(-limit, limit, generator=generator)
            return
        at_once = max(1, _CHUNK // max(1, tensor[:1].numel()))
        with ThreadPoolExecutor(os.cpu_count()) as threads:  # drawing lets go of the interpreter
            for start in range(0, len(tensor), at_once):
                part = slice(start, start + at_once)
                drawn = torch.empty(tensor[part].shape, dtype=tensor.dtype)
                list(threads.map(partial(_draw_uniform, limit=limit), drawn, self._streams[part]))
                tensor[part].copy_(drawn)

    def permutation(self, n: int) -> Tensor:
        """(B, n) int64: one random order of 0…n−1 per row."""
        return self._stack([torch.randperm(n, generator=g) for g in self._streams])

    def selections(self, n: int, first: int, times: int) -> Tensor:
        """(times, B, first) int64: the starts of each row's next permutations of 0…n−1, copied once."""
        drawn = [[torch.randperm(n, generator=g)[:first] for g in self._streams] for _ in range(times)]
        return torch.stack([torch.stack(rows) for rows in drawn]).to(self.device)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """(B, *shape) int64 in [low, high)."""
        return self._stack([torch.randint(low, high, shape, generator=g) for g in self._streams])

    def _stack(self, draws: list[Tensor]) -> Tensor:
        return torch.stack(draws).to(self.device)


def _draw_uniform(row: Tensor, generator: torch.Generator, limit: float) -> None:
    row.uniform_(-limit, limit, generator=generator)


def derive(seed: int, member: int) -> int:
    """Another seed, for the ``member``-th repetition of what ``seed`` drew."""
    return _mix(seed, member)


def _mix(*numbers: int) -> int:
    words = np.random.SeedSequence(numbers).generate_state(2, np.uint32)
    return int(words[0]) << 31 | int(words[1]) >> 1
