"""A second device for machines without one: it computes on the CPU, and is as strict as an accelerator.

Its tensors call themselves "cuda:0" or "mps:0". The data lie on the CPU, so that values, branches and bits
are real; to torch's dispatcher the tensors are meta tensors, so that no driver is asked. What an accelerator
refuses is refused: host and device in one operation (``MixedError``), float64 on MPS, numpy on a device
tensor, and an allocation beyond the memory it is given. What makes the host wait, or sends data to the
device, is counted with its line in the package.

It cannot show what a real device computes differently: rounding of its kernels, autocast, speed.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import torch
import torch._dynamo  # imported by the first operation under a mode, which must not see the patches below
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing

_PLACE = torch.device("meta", 1)  # where device tensors lie as far as torch's C++ side knows
_MOVES = ("_to_copy", "copy_")
_READS = {"_local_scalar_dense", "nonzero", "_unique2", "unique_dim", "masked_select", "equal", "is_nonzero"}
_READS |= {"_linalg_check_errors", "repeat_interleave"}  # the second without its output_size
_INDEXES = ("index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index")
# Element-wise kernels take a 0-d CPU tensor as a number; these do not.
_TAKE_NO_NUMBER = {"cat", "stack", "mm", "bmm", "addmm", "baddbmm", "convolution", "native_batch_norm"}
_TAKE_NO_NUMBER |= {"index_select", "gather", "scatter", "scatter_add", "index_copy", "index_add"}

MESSAGES = {
    "cuda": "CUDA out of memory. Tried to allocate 20.00 MiB.",
    "driver": "CUDA error: out of memory",
    "cudnn": "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cublas": "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "mps": "MPS backend out of memory (MPS allocated: 5.00 GB, max allowed: 9.07 GB)",
}
"""What devices say when their memory is full."""


class MixedError(RuntimeError):
    """One operation was given tensors of the host and of the device."""


@dataclass
class Accelerator:
    """The device that is simulated at present, and what it has seen."""

    kind: str = "cuda"
    float64: bool = True
    largest: int | None = None  # elements of one tensor; more is out of memory
    message: str = MESSAGES["cuda"]
    waits: Counter[str] = field(default_factory=Counter)
    copies: Counter[str] = field(default_factory=Counter)
    operations: int = 0
    refused: int = 0

    def forget(self) -> None:
        """Count from nought."""
        self.waits.clear()
        self.copies.clear()
        self.operations = 0


_present = Accelerator()


class DeviceTensor(torch.Tensor):
    """A tensor of the device around its data, a CPU tensor."""

    data_on_host: torch.Tensor

    @staticmethod
    def __new__(cls, data: torch.Tensor) -> DeviceTensor:
        if data.dtype == torch.float64 and not _present.float64:
            raise TypeError(
                "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64. "
                "Please use float32 instead."
            )
        if _present.largest is not None and data.numel() > _present.largest:
            _present.refused += 1
            error = torch.OutOfMemoryError if _present.message == MESSAGES["cuda"] else RuntimeError
            raise error(_present.message)
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            data.size(),
            strides=data.stride(),
            storage_offset=data.storage_offset(),
            dtype=data.dtype,
            device=_PLACE,
        )
        made.data_on_host = data
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _execute(func, args, kwargs or {})

    device = property(lambda self: torch.device(_present.kind, 0))
    is_cuda = property(lambda self: _present.kind == "cuda")
    is_mps = property(lambda self: _present.kind == "mps")
    is_cpu = property(lambda self: False)
    is_meta = property(lambda self: False)

    def to(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        device, dtype, _, layout = torch._C._nn._parse_to(*args, **kwargs)
        wanted: dict[str, Any] = {}
        if dtype is not None and dtype != self.dtype:
            wanted["dtype"] = dtype
        if device is not None and device.type == "cpu":
            wanted["device"] = device
        if layout is not None:
            wanted["memory_format"] = layout
        return super().to(**wanted) if wanted else self

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def numpy(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"can't convert {self.device} device type tensor to numpy. "
            "Use Tensor.cpu() to copy the tensor to host memory first."
        )

    __array__ = numpy

    def __repr__(self, **_: Any) -> str:
        return f"{self.device}: {self.data_on_host!r}"

    def __deepcopy__(self, memo: dict[int, Any]) -> DeviceTensor:
        made = DeviceTensor(self.data_on_host.detach().clone()).requires_grad_(self.requires_grad)
        made._is_param = isinstance(self, torch.nn.Parameter)
        memo[id(self)] = made
        return made


class _Naming(TorchFunctionMode):
    """Wherever a function is given the device by name, it gets the place where its tensors lie."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.device:
            return func(*args, **kwargs)
        args = tuple(_placed(value) for value in args)
        kwargs = {name: _placed(value) for name, value in kwargs.items()}
        if func is torch.Tensor.cuda:
            return torch.Tensor.to(args[0], _PLACE)
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") == _PLACE:
            return func(*args, **{**kwargs, "device": "cpu"}).to(_PLACE)
        return func(*args, **kwargs)


class _Creating(TorchDispatchMode):
    """Operations without a tensor among their arguments, as ``zeros``, are executed here as well."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _execute(func, args, kwargs or {})


def _placed(value: Any) -> Any:
    named = isinstance(value, str) and value.partition(":")[0] == _present.kind
    given = isinstance(value, torch.device) and value.type == _present.kind
    return _PLACE if named or given else value


def _execute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run an operation on the data, after the device has seen whether it may run at all."""
    name = func._schema.name.removeprefix("aten::")
    tensors = [leaf for value in (*args, *kwargs.values()) for leaf in _tensors(value)]
    ours = [tensor for tensor in tensors if isinstance(tensor, DeviceTensor)]
    target = kwargs.get("device")
    if not ours and target != _PLACE:
        return func(*args, **kwargs)
    _present.operations += 1
    to_host = bool(ours) and (
        (target is not None and target != _PLACE)
        or (name == "copy_" and not isinstance(args[0], DeviceTensor))
        or name in _READS
    )
    if name == "repeat_interleave" and kwargs.get("output_size") is not None:
        to_host = False
    if name in _INDEXES and isinstance(args[0], DeviceTensor):
        # How many are chosen, only the device knows; a single value for all of them needs no number.
        masks = any(isinstance(at, DeviceTensor) and at.dtype == torch.bool for at in args[1])
        to_host = masks and not (len(args) > 2 and args[2].numel() == 1)
    if to_host:
        _count(_present.waits, name)
    elif len(ours) < len(tensors):
        if name in _MOVES:
            _count(_present.copies, name)
        else:
            _refuse_mixed(name, args, tensors)
    data_args = [_on_host(value) for value in args]
    data_kwargs = {key: _on_host(value) for key, value in kwargs.items()}
    if target == _PLACE:
        data_kwargs["device"] = "cpu"
    out = func(*data_args, **data_kwargs)
    if name == "copy_" and not isinstance(args[0], DeviceTensor):
        return args[0]
    if target is not None and target != _PLACE:
        return out
    out = _on_device(out)
    if ours and name != "_to_copy":
        return return_and_correct_aliasing(func, args, kwargs, out)
    return out


# An operator's arguments and values are tensors, lists or tuples of them, or neither: torch's own walk
# through any structure takes longer than the operations here.
def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, list | tuple):
        return [one for one in value if isinstance(one, torch.Tensor)]
    return []


def _on_host(value: Any) -> Any:
    if isinstance(value, DeviceTensor):
        return value.data_on_host
    return type(value)(map(_on_host, value)) if isinstance(value, list | tuple) else value


def _on_device(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return DeviceTensor(value)
    return type(value)(map(_on_device, value)) if isinstance(value, list | tuple) else value


def _refuse_mixed(name: str, args: Any, tensors: list[torch.Tensor]) -> None:
    """Raise ``MixedError`` unless CUDA takes these host tensors: numbers, or the index of a device tensor."""
    strangers = [tensor for tensor in tensors if not isinstance(tensor, DeviceTensor)]
    if name in _INDEXES and isinstance(args[0], DeviceTensor):
        values = args[2] if len(args) > 2 else None
        if not any(stranger is values and stranger.dim() for stranger in strangers):
            _count(_present.copies, "index of the host")
            return
    elif not any(stranger.dim() for stranger in strangers) and name.removesuffix("_") not in _TAKE_NO_NUMBER:
        return
    seen = [(tuple(tensor.shape), str(tensor.device)) for tensor in tensors]
    raise MixedError(f"Expected all tensors to be on the same device, but aten::{name} was given {seen}")


def _count(counter: Counter[str], what: str) -> None:
    frame = sys._getframe(2)
    while frame is not None and "/advmi_core/" not in frame.f_code.co_filename:
        frame = frame.f_back
    place = "outside"
    if frame is not None:
        place = f"{frame.f_code.co_filename.rpartition('/advmi_core/')[2]}:{frame.f_lineno}"
    counter[f"{what} at {place}"] += 1


@contextmanager
def simulated(
    kind: str = "cuda", *, largest: int | None = None, message: str = MESSAGES["cuda"]
) -> Iterator[Accelerator]:
    """Inside, this machine has one device of this kind, "cuda" with float64 or "mps" without."""
    global _present
    before = _present
    with ExitStack() as stack:
        stack.callback(lambda: globals().__setitem__("_present", before))
        _present = Accelerator(kind, float64=kind == "cuda", largest=largest, message=message)
        for owner, name, value in (
            (torch.cuda, "is_available", lambda: kind == "cuda"),
            (torch.cuda, "device_count", lambda: int(kind == "cuda")),
            (torch.cuda, "get_device_name", lambda *_: "Simulated GPU"),
            (torch.cuda, "empty_cache", lambda: None),
            (torch.cuda, "mem_get_info", lambda *_: (2**33, 2**33)),
            (torch.mps, "empty_cache", lambda: None),
            (torch.backends.mps, "is_available", lambda: kind == "mps"),
            (torch.optim.Optimizer, "_accelerator_graph_capture_health_check", lambda self: None),
        ):
            stack.enter_context(mock.patch.object(owner, name, value))
        run = threading.Thread.run

        def run_inside(thread: threading.Thread) -> None:
            with _Naming(), _Creating():  # modes belong to a thread
                run(thread)

        stack.enter_context(mock.patch.object(threading.Thread, "run", run_inside))
        stack.enter_context(_Naming())
        stack.enter_context(_Creating())
        yield _present
