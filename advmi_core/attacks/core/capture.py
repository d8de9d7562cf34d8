"""One step of an attack as a CUDA graph: a small batch's few hundred kernels are launched at once.

On a large GPU a step of a small model costs what launching its kernels costs, whatever the batch. A graph is
captured once and replayed with new values in the same memory, so it serves steps whose work never depends on
what they find: no host wait, no random number drawn on the host, no counter in Python.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor

from advmi_core.memory import out_of_memory

_LOG = logging.getLogger(__name__)
WARM_UP = 3  # real steps before the capture: libraries set themselves up in the first ones
T = TypeVar("T")


class Replayed(Generic[T]):
    """A step that runs kernel by kernel at first, then as a graph; the same values either way.

    What is returned is the caller's own: a later call does not change it. Where the capture fails, the step
    goes on kernel by kernel and a warning is logged.

    Args:
        step: takes tensors of the same shapes in every call and returns tensors without a graph, in any
            structure that ``copy.deepcopy`` can copy. It may change tensors of its own in place.
        wanted: False never captures.
    """

    def __init__(self, step: Callable[..., T], wanted: bool) -> None:
        self._step, self._wanted = step, wanted
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: tuple[Tensor, ...] = ()
        self._found: T

    def __call__(self, *inputs: Tensor) -> T:
        """The step's values for these inputs."""
        self._calls += 1
        if self._wanted and self._graph is None and self._calls > WARM_UP:
            self._capture(inputs)
        if self._graph is None:
            return self._step(*inputs)
        for own, given in zip(self._inputs, inputs, strict=True):
            own.copy_(given)
        self._graph.replay()
        return copy.deepcopy(self._found)

    def _capture(self, inputs: tuple[Tensor, ...]) -> None:
        """Record the step's kernels; nothing is computed by that."""
        self._inputs = tuple(given.clone() for given in inputs)
        graph = torch.cuda.CUDAGraph()
        try:
            # Other threads of the process may use the GPU meanwhile.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._found = self._step(*self._inputs)
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            self._wanted = False
            _LOG.warning(
                "The attack's step cannot be captured, so its kernels are launched singly: %s", error
            )
            return
        self._graph = graph
