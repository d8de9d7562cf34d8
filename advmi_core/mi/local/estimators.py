"""The three local DIM estimators of one classifier, and their files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from advmi_core import device as devices
from advmi_core.mi.local.dim import KINDS, LocalDIM, local_dv
from advmi_core.models import checkpoints


@dataclass(frozen=True)
class InformationSplit:
    """Natural and adversarial MI, each (B,) nats, of natural (``…_x``) and adversarial (``…_adv``) logits.

    Attributes:
        natural_x, natural_adv: E_n(x, h(x)) and E_n(x, h(x̃)).
        adversarial_x, adversarial_adv: E_a(x̃ − x, h(x)) and E_a(x̃ − x, h(x̃)).
    """

    natural_x: Tensor
    natural_adv: Tensor
    adversarial_x: Tensor
    adversarial_adv: Tensor


@dataclass(frozen=True)
class LocalEstimators:
    """Frozen estimators: E_n of natural MI, E_a of adversarial MI, and E_s of standard MI (for WMIM)."""

    natural: LocalDIM
    adversarial: LocalDIM
    standard: LocalDIM

    def to(self, device: torch.device | str) -> Self:
        """The same estimators, moved there and frozen."""
        for kind in KINDS:
            getattr(self, kind).to(device).freeze()
        return self

    def split(
        self, x: Tensor, x_adv: Tensor, clean: Tensor, attacked: Tensor, rows: Tensor | None = None
    ) -> InformationSplit:
        """Natural and adversarial MI of images x and x̃ (B,C,H,W) with logits (B,classes) h(x) and h(x̃).

        Differentiable with respect to the logits. All B logits are negatives; every pattern and all logits
        are encoded once.

        Args:
            rows: (m,) int64: only these rows' values are wanted, and only their patterns are encoded.
        """
        wanted = slice(None) if rows is None else rows
        patterns = (x[wanted], (x_adv - x)[wanted])
        values = []
        for estimator, pattern in zip((self.natural, self.adversarial), patterns, strict=True):
            local = encode(estimator, pattern)
            codes = torch.split(estimator.codes(torch.cat([clean, attacked])), len(clean))
            values += [local_dv(local, code, rows) for code in codes]
        return InformationSplit(*values)

    def standard_of(self, pattern: Tensor, logits: Tensor) -> Tensor:
        """(B,) nats: standard MI E_s(x̃, h(x̃)), differentiable with respect to the logits."""
        return local_dv(encode(self.standard, pattern), self.standard.codes(logits))

    def digest(self) -> str:
        """A short hash of all weights."""
        digest = hashlib.sha256()
        for kind in KINDS:
            for value in getattr(self, kind).state_dict().values():
                digest.update(value.cpu().numpy().tobytes())
        return digest.hexdigest()[:12]

    def save(self, folder: Path, card: dict[str, Any]) -> list[Path]:
        """Write three safetensors files and their cards, ``card`` in each of them."""
        estimators = [getattr(self, kind) for kind in KINDS]
        return [checkpoints.save(each, {**card, "units": each.units}, folder) for each in estimators]

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Self:
        """What ``save`` wrote, frozen.

        Raises:
            CheckpointError: a file is missing, damaged, or not what its card says.
        """
        return cls(**{kind: _load(folder, kind) for kind in KINDS}).to(devices.pick(device))


@torch.no_grad()
def encode(estimator: LocalDIM, pattern: Tensor) -> Tensor:
    """(B,L,units): local codes of patterns that need no gradient."""
    return estimator.local(pattern)


def _load(folder: Path, kind: str) -> LocalDIM:
    name = f"local-dim-{kind}"
    return checkpoints.read(folder / f"{name}.safetensors", name, partial(_skeleton, kind))


def _skeleton(kind: str, card: dict[str, Any]) -> LocalDIM:
    channels, height, width = card["shape"]
    with torch.device("meta"):
        return LocalDIM((channels, height, width), card["classes"], card["units"], kind)
