"""A study's values as files for other programs."""

from __future__ import annotations

import csv
import io

import numpy as np

from advmi_core.studies.sampling.results import StudyResult


def values_csv(result: StudyResult) -> bytes:
    """One line an image, one column a sampling and seed, nats; empty where not measured."""
    columns = {
        f"{name} seed {seed}": row
        for name, values in result.values.items()
        for seed, row in zip(result.seeds, values, strict=True)
    }
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["image", *columns])
    for image, values in enumerate(zip(*columns.values(), strict=True)):
        writer.writerow([image, *(f"{v:.6g}" if np.isfinite(v) else "" for v in values)])
    return buffer.getvalue().encode()


def values_npz(result: StudyResult) -> bytes:
    """The arrays of ``result.npz``: sampling → (S,N) float32 nats, NaN where not measured; and the seeds."""
    buffer = io.BytesIO()
    np.savez(buffer, seeds=np.asarray(result.seeds), **result.values)  # type: ignore[arg-type]
    return buffer.getvalue()
