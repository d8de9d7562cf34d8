"""Generation new images part by part: found on disk, or computed and kept."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from advmi_core import __version__
from advmi_core.attacks.core.memory import rows_that_fit
from advmi_core.augmentation.noise import noisy
from advmi_core.augmentation.records import COLUMNS, Augmented, AugmentStep, join
from advmi_core.augmentation.spec import AugmentationSpec
from advmi_core.memory import in_parts
from advmi_core.objectives import Objective
from advmi_core.parts import Parts, read_arrays

Part = dict[str, Tensor]
_SILENCE = 0.5  # seconds without a record


class Generation:
    """One run: images, objective, folder, and the parts finished so far.

    Args: see ``Augmentation.run``; ``lengths`` (N,) are those of Gaussian noise, None for UAEs.
    """

    def __init__(
        self,
        how: AugmentationSpec,
        objective: Objective,
        x: Tensor,
        lengths: Tensor | None,
        directory: Path | None,
    ) -> None:
        self.how, self.objective, self.x, self.lengths = how, objective, x, lengths
        objective.on(x[:1])  # a model that cannot take the images should say so now
        self.starts = range(0, len(x), how.part)
        self.total = len(self.starts)
        self.finished: list[Part] = []
        self.spec = _spec(how, objective, x, lengths)
        self.parts = None if directory is None else Parts(directory, how.method, self.spec)
        if self.parts is not None:
            self.parts.open()

    def result(self) -> Augmented:
        """The images of all parts finished so far."""
        return join(self.x, self.finished, self.spec)

    def steps(self) -> Generator[AugmentStep, None, None]:
        """All parts in their order."""
        for start in self.starts:
            rows = range(start, min(start + self.how.part, len(self.x)))
            kept = self._read(rows)
            if kept is not None:
                part, seconds = kept
            else:
                began = time.perf_counter()
                part = yield from self._make(rows, began)
                seconds = time.perf_counter() - began
                self._write(rows, part, seconds)
            self.finished.append(part)
            yield self._record(rows, rows.stop, seconds, kept is not None)

    def _record(self, rows: range, done: int, seconds: float, reused: bool) -> AugmentStep:
        successes = torch.cat([part["success"] for part in self.finished] or [torch.empty(0)])
        return AugmentStep(
            step=len(self.finished),
            total=self.total,
            start=rows.start,
            count=len(rows),
            done=done,
            success=float(successes.float().mean()) if len(successes) else math.nan,
            seconds=seconds,
            reused=reused,
        )

    def _make(self, rows: range, began: float) -> Generator[AugmentStep, None, Part]:
        """New images for these rows; also called by the study's test split with rows of its own."""
        if self.lengths is not None:
            return self._noise(rows, self.lengths[rows.start : rows.stop])
        attack, x = self.how.attack(), self.x[rows.start : rows.stop]
        said, first = began, torch.full_like(x, torch.nan)
        with attack.run(self.objective, x, rows=rows) as run:
            for record in run:
                if first[record.rows].isnan().any():  # the first look at these rows
                    first[record.rows] = record.x_adv.to(x.device)
                if time.perf_counter() - said > _SILENCE:
                    said = time.perf_counter()
                    done = rows.start + len(rows) * record.step // record.total
                    yield self._record(rows, min(done, rows.stop - 1), said - began, False)
            found = run.result
        return {
            "x_adv": found.x_adv,
            "success": found.success,
            "criterion": found.criterion,
            "mi_loop": found.mi_loop,
            "l2": found.l2,
            "start_l2": _length(first - x),
            "moved_l2": _length(found.x_adv - first),
        }

    def _noise(self, rows: range, lengths: Tensor) -> Part:
        x = self.x[rows.start : rows.stop]
        problem = self.objective.on(x)
        x_adv = noisy(problem.x, lengths.to(problem.x.device), self.how.seed, rows)
        size = rows_that_fit(problem)
        with torch.no_grad():
            seen = in_parts(
                lambda part: problem.take(part).evaluate(x_adv[part]), len(x), size, problem.x.device
            )
        length = _length(x_adv - problem.x)
        part = {
            "x_adv": x_adv,
            "success": torch.cat([evaluation.success for evaluation in seen]),
            "criterion": torch.cat([evaluation.criterion for evaluation in seen]),
            "mi_loop": torch.full_like(length, torch.nan),
            "l2": length,
            "start_l2": length,
            "moved_l2": torch.zeros_like(length),
        }
        return {name: values.to(x.device) for name, values in part.items()}

    def _read(self, rows: range) -> tuple[Part, float] | None:
        """A part from disk; None if it is missing or damaged."""
        if self.parts is None:
            return None
        arrays = read_arrays(self.parts.part(_name(rows))) or {}
        shapes = {name: (len(rows),) for name in COLUMNS} | {"x_adv": (len(rows), *self.x.shape[1:])}
        if any(name not in arrays or arrays[name].shape != shape for name, shape in shapes.items()):
            return None
        part = {name: torch.from_numpy(arrays[name]).to(self.x.device) for name in shapes}
        return part, self.parts.seconds(_name(rows))

    def _write(self, rows: range, part: Part, seconds: float) -> None:
        if self.parts is not None:
            arrays = {name: values.detach().cpu().numpy() for name, values in part.items()}
            self.parts.write_arrays(_name(rows), arrays, seconds)


def weights_hash(model: nn.Module) -> str:
    """sha256 of a model's weights and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def _spec(how: AugmentationSpec, objective: Objective, x: Tensor, lengths: Tensor | None) -> dict[str, Any]:
    spec = {
        "advmi": __version__,
        **how.spec(),
        **objective.spec(),
        "weights": weights_hash(objective.model),
        "images": hashlib.sha256(_bytes(x)).hexdigest(),
        "device": objective.device.type,
    }
    return spec if lengths is None else spec | {"lengths": hashlib.sha256(_bytes(lengths)).hexdigest()}


def _bytes(tensor: Tensor) -> bytes:
    return np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes()


def _name(rows: range) -> str:
    return f"{rows.start:06d}"


def _length(delta: Tensor) -> Tensor:
    length: Tensor = delta.flatten(1).norm(dim=1)
    return length
