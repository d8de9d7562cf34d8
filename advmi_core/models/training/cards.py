"""The card of a trained model: everything that is needed to trust it and to make it again."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch

import advmi_core
from advmi_core import paths
from advmi_core.models.training.spec import Spec, TrainSpec, default_spec, options
from advmi_core.models.training.splits import Splits

PREPROCESSING = "none: the model takes float32 images in [0,1] and does any normalisation itself"


def make_card(
    spec: Spec,
    splits: Splits,
    epoch: int,
    validation: Mapping[str, float | None],
    test: Mapping[str, float],
    command: str,
    commit: str | None,
) -> dict[str, Any]:
    """The part of a card that the training knows; ``checkpoints.save`` adds what it knows of the file.

    Args:
        spec: what was trained.
        splits: the images it was trained, chosen and measured on.
        epoch: the epoch whose weights were kept.
        validation: its metrics on the validation images.
        test: its metrics on the test images.
        command: the command line that repeats the training.
        commit: the ``revision`` of the code when the training started.
    """
    return {
        "dataset": {
            "name": spec.dataset,
            "source": splits.source,
            "subset": splits.subset,
            "training_images": len(splits.train_y),
            "validation_images": len(splits.validation_y),
            "test_images": len(splits.test_y),
            "note": splits.note,
        },
        "preprocessing": PREPROCESSING,
        "metrics": {"split": "test", **test},
        "validation": {"epoch": epoch, **validation},
        "seed": spec.seed,
        "spec": spec.to_dict(),
        "command": command,
        "revision": commit,
        "versions": {
            "advmi": advmi_core.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "safetensors": safetensors.__version__,
        },
    }


def train_command(spec: TrainSpec, out: Path | None) -> str:
    """The command line that repeats a training; folders outside the project are named by a placeholder."""
    root = paths.app_root()
    inside = out is not None and out.resolve().is_relative_to(root)
    folder = out.resolve().relative_to(root).as_posix() if inside and out is not None else "<output folder>"
    usual = default_spec(spec.model, spec.dataset)
    parts = [
        "ADVMI_DATA=<data folder> advmi train",
        spec.model,
        "--dataset",
        spec.dataset,
        options(spec, usual),
    ]
    return " ".join(part for part in [*parts, "--out", folder] if part)


def revision(*code: str) -> str | None:
    """The git commit of a source checkout, marked if the model code differs from it; None elsewhere.

    Args:
        code: folders that matter beside the models'.
    """
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", "advmi_core/models", *code)
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit} with local changes" if changed else commit


def _git(*arguments: str) -> str:
    root = paths.app_root()
    if not (root / ".git").exists():  # an installed copy may lie inside somebody else's repository
        raise FileNotFoundError(root / ".git")
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()
