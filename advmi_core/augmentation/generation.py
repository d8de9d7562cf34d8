"""Generation new images part by part: found on disk, or computed and kept."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Generator
from functools import partial
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
from advmi_core.experiments.artefact import Arrays, Artefact, has
from advmi_core.experiments.compute import Part, compute_one
from advmi_core.memory import in_parts
from advmi_core.objectives import Objective

_SILENCE = 0.5  # seconds without a record


class Generation:
    """One run: images, objective, and the parts finished so far.

    Args: see ``Augmentation.run``; ``lengths`` (N,) are those of Gaussian noise, None for UAEs.

    Attributes:
        artefact: keeps the parts; None if nothing is kept.
        total: parts.
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
        self.finished: list[dict[str, Tensor]] = []
        self.spec = _spec(how, objective, x, lengths)
        self.artefact = None if directory is None else Artefact(directory, how.method, self.spec)
        if self.artefact is not None:
            self.artefact.open()

    def result(self) -> Augmented:
        """The images of all parts finished so far."""
        return join(self.x, self.finished, self.spec)

    def steps(self) -> Generator[AugmentStep, None, None]:
        """All parts in their order."""
        for start in self.starts:
            rows = range(start, min(start + self.how.part, len(self.x)))
            part = yield from self._part(rows)
            self.finished.append({n: torch.from_numpy(v).to(self.x.device) for n, v in part.arrays.items()})
            yield self._record(rows, rows.stop, part.seconds, part.reused)

    def _part(self, rows: range) -> Generator[AugmentStep, None, Part[str]]:
        began, name = time.perf_counter(), f"{rows.start:06d}"
        if self.artefact is None:
            arrays = yield from self._make(rows)
            return Part(name, arrays, time.perf_counter() - began, reused=False)
        waiting = self._record(rows, rows.start, math.nan, False)
        return (
            yield from compute_one(
                self.artefact, name, partial(self._good, rows), partial(self._make, rows), waiting
            )
        )

    def _good(self, rows: range, arrays: Arrays) -> bool:
        shapes = {name: (len(rows),) for name in COLUMNS if name != "success"}
        shapes |= {"x_adv": (len(rows), *self.x.shape[1:])}
        return has(arrays, np.bool_, {"success": (len(rows),)}) and has(arrays, np.float32, shapes)

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

    def _make(self, rows: range) -> Generator[AugmentStep, None, Arrays]:
        """New images for these rows."""
        if self.lengths is not None:
            return _arrays(self._noise(rows, self.lengths[rows.start : rows.stop]))
        attack, x = self.how.attack(), self.x[rows.start : rows.stop]
        began = said = time.perf_counter()
        first = torch.full_like(x, torch.nan)
        with attack.run(self.objective, x, rows=rows) as run:
            for record in run:
                if first[record.rows].isnan().any():  # the first look at these rows
                    first[record.rows] = record.x_adv.to(x.device)
                if time.perf_counter() - said > _SILENCE:
                    said = time.perf_counter()
                    done = rows.start + len(rows) * record.step // record.total
                    yield self._record(rows, min(done, rows.stop - 1), said - began, False)
            found = run.result
        lengths = {"start_l2": _length(first - x), "moved_l2": _length(found.x_adv - first)}
        names = ("x_adv", "success", "criterion", "mi_loop", "l2")
        return _arrays({name: getattr(found, name) for name in names} | lengths)

    def _noise(self, rows: range, lengths: Tensor) -> dict[str, Tensor]:
        x = self.x[rows.start : rows.stop]
        problem = self.objective.on(x)
        x_adv = noisy(problem.x, lengths.to(problem.x.device), self.how.seed, rows)
        size = rows_that_fit(problem)
        with torch.no_grad():
            seen = in_parts(
                lambda part: problem.take(part).evaluate(x_adv[part]), len(x), size, problem.x.device
            )
        length = _length(x_adv - problem.x)
        return {
            "x_adv": x_adv,
            "success": torch.cat([evaluation.success for evaluation in seen]),
            "criterion": torch.cat([evaluation.criterion for evaluation in seen]),
            "mi_loop": torch.full_like(length, torch.nan),
            "l2": length,
            "start_l2": length,
            "moved_l2": torch.zeros_like(length),
        }


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


def _arrays(part: dict[str, Tensor]) -> Arrays:
    return {name: values.detach().cpu().numpy() for name, values in part.items()}


def _length(delta: Tensor) -> Tensor:
    length: Tensor = delta.flatten(1).norm(dim=1)
    return length
