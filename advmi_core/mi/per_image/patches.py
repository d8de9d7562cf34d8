"""Patches as samples: hundreds of low-dimensional pairs instead of a few maps (METHODS §1).

The positions of an image (or of its feature maps) are the samples; the patches of x and of x̃ at the same
position are the pairs. A critic is trained on one half of the positions and scored on the other, and the
other way round, so that no critic is scored on what it has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from advmi_core.mi.bounds import BOUNDS
from advmi_core.mi.pairs import split_pairs
from advmi_core.mi.separable import SeparableCritics
from advmi_core.mi.tempered import tempered_value
from advmi_core.rng import RowStreams

PATCH = 3
SMALLEST = 8  # side of an image in pixels: fewer patches tell nothing
FOLDS = ("random", "blocks")
SCORED = 512
"""Positions of a fold that are scored, each against all others of them: more of a large image are drawn."""
_MEMBERS = 2  # critics of a large image, whose few drawn positions one critic would rank less surely
_RIDGE = 3e-4  # squared units of the samples: a standard deviation of 4.4 grey levels
NARROWEST = 12  # a lone product of fewer columns is summed in another order on several threads
_AHEAD = 16  # steps whose positions go to a device in one copy
_WEIGHTS, _ORDERS, _SPLITS, _DRAWS = 3, 4, 5, 6  # purposes of the random streams


@dataclass(frozen=True)
class PatchPreset:
    """Shape and training of a patch critic: dimension → hidden → code on each side, inner product.

    Both sides start alike, since x̃ is like x. benchmarks/reliability.py varies one of these at a time.
    """

    hidden: int = 32
    code: int = 16
    lr: float = 1e-2
    batch: int = 64


def image_patches(x: Tensor) -> Tensor:
    """(B,P,9·C) all 3×3 patches of images (B,C,H,W), stride 1, P = (H−2)(W−2), row by row; differentiable.

    Raises:
        ValueError: the images are smaller than 8×8, too few patches to tell anything.
    """
    if min(x.shape[-2:]) < SMALLEST:
        wanted = f"{SMALLEST}×{SMALLEST} pixels"
        raise ValueError(f"patches need images of at least {wanted}, got {tuple(x.shape[-2:])}")
    return F.unfold(x, PATCH).transpose(1, 2)


def map_patches(maps: Tensor) -> Tensor:
    """(B,P,K) the K filters' answers at every position of feature maps (B,K,h,w), row by row."""
    return maps.flatten(2).transpose(1, 2)


def split(positions: int, columns: int, folds: str, streams: RowStreams) -> Tensor:
    """(B,2,n) positions of the two folds.

    ``random`` deals the positions out: neighbours overlap, so the folds leak into one another a little and
    the estimate is a little higher. ``blocks`` takes the upper and the lower part of the image and leaves
    out the two rows of patches between them, so that no pixel is in both.
    """
    if folds == "random":
        return streams.permutation(positions)[:, : positions // 2 * 2].view(len(streams), 2, -1)
    rows = positions // columns
    half = (rows - PATCH + 1) // 2 * columns
    here = torch.arange(positions, device=streams.device)
    return torch.stack([here[:half], here[positions - half :]]).expand(len(streams), -1, -1)


def cross_fitted(
    a: Tensor,
    b: Tensor,
    columns: int,
    *,
    seed: int,
    rows: Sequence[int],
    bound: str = "infonce",
    steps: int = 100,
    members: int = 1,
    folds: str = "random",
    held_out: bool = True,
    preset: PatchPreset = PatchPreset(),
) -> Tensor:
    """Mutual information by small critics, two per image and member, one for each fold.

    Of an image with more than ``SCORED`` positions in a fold so many are scored, as many as there are steps
    for are learnt from, and the samples are whitened: neighbouring pixels of a large picture are so alike
    that a critic would see little else. Mutual information is the same before and after a linear map.

    Args:
        a: (B,P,D) samples of x by position, ``columns`` positions to a row of the image.
        b: (B,P,D) samples of x̃.
        columns: positions in a row of the image.
        seed, rows: seed ≥ 0 and row ids; a row's value does not depend on its batch mates.
        bound: name in ``BOUNDS``.
        steps: Adam steps on ``preset.batch`` positions each.
        members: critics averaged, per fold; twice as many for a large image.
        folds: ``"random"`` or ``"blocks"``, see ``split``.
        held_out: score each critic on the other fold, its scores shrunk where it claims too much (see
            ``tempered_value``); else on its own.
        preset: shape and training of the critics.

    Returns:
        (B,) nats; with InfoNCE at most the logarithm of the number of positions in a fold.
    """
    parts = split(a.shape[1], columns, folds, RowStreams(seed, rows, _SPLITS, a.device))
    if parts.shape[2] > SCORED:
        members *= _MEMBERS
        parts = _drawn(parts, max(SCORED, steps * preset.batch), RowStreams(seed, rows, _DRAWS, a.device))
        a, b = _whitened(a, b)
    first, second = (torch.stack([_take(t, parts[:, fold]) for t in (a, b)]) for fold in (0, 1))
    # Critics 0…B−1 learn from the first fold, B…2B−1 from the second, and so on for every member.
    seen = torch.cat([first, second] * members, dim=1)
    critics = SeparableCritics(
        widths := (a.shape[2], preset.hidden, preset.code),
        widths,
        RowStreams(seed, rows, _WEIGHTS, a.device),
        bound=BOUNDS[bound],
        lr=preset.lr,
        critics=seen.shape[1],
        alike=True,
    )
    batch = min(preset.batch, seen.shape[2])
    orders = RowStreams(seed, rows, _ORDERS, a.device)
    for chosen in _minibatches(orders, seen.shape[2], batch, steps, 2 * members):
        critics.learn(_take(seen[0], chosen), _take(seen[1], chosen))
    if not held_out:
        return critics.value(seen[0], seen[1]).view(2 * members, len(a)).mean(0)
    unseen = torch.cat([second, first] * members, dim=1)[:, :, :SCORED]
    with torch.no_grad():
        joint, marginal = split_pairs(critics.scores(unseen[0], unseen[1]))
    folded = [scores.view(2 * members, len(a), *scores.shape[1:]) for scores in (joint, marginal)]
    return tempered_value(BOUNDS[bound], *folded).mean(0)


def _drawn(parts: Tensor, most: int, streams: RowStreams) -> Tensor:
    """At most so many positions of each fold (B,2,n), in a random order."""
    orders = torch.stack([streams.permutation(parts.shape[2])[:, :most] for _ in range(2)], dim=1)
    return parts.gather(2, orders)


def _whitened(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Samples (B,P,D) in coordinates in which those of x are uncorrelated, with unit variance or less."""
    mean = a.mean(1, keepdim=True)
    centred = a - mean
    ridge = _RIDGE * torch.eye(a.shape[2], device=a.device)
    root = torch.linalg.cholesky_ex(torch.bmm(centred.transpose(1, 2), centred) / a.shape[1] + ridge).L
    inverse = torch.linalg.solve_triangular(root, ridge / _RIDGE, upper=False).transpose(1, 2)
    return torch.bmm(centred, inverse), torch.bmm(b - mean, inverse)


def _minibatches(streams: RowStreams, count: int, batch: int, steps: int, repeats: int) -> Sequence[Tensor]:
    """``steps`` times (repeats·B, batch) positions; every position once before any comes again."""
    per_epoch = count // batch
    epochs = -(-steps // per_epoch)
    drawn = [
        torch.cat([streams.permutation(count)[:, : per_epoch * batch] for _ in range(epochs)], dim=1)
        for _ in range(repeats)
    ]
    return list(torch.split(torch.cat(drawn), batch, dim=1))[:steps]


def _take(samples: Tensor, chosen: Tensor) -> Tensor:
    """(B,n,D) those of (B,P,D) at positions (B,n)."""
    rows, positions, width = samples.shape
    first = torch.arange(0, rows * positions, positions, device=samples.device).unsqueeze(1)
    flat = samples.reshape(rows * positions, width)
    return flat.index_select(0, (chosen + first).flatten()).view(rows, -1, width)


def _widened(samples: Tensor) -> Tensor:
    """(B,P,≥12) samples with columns of zeros, so that a row's sums do not depend on its batch mates."""
    return F.pad(samples, (0, max(0, NARROWEST - samples.shape[2])))


class PatchMINE:
    """B critics on patches that learn along with an attack.

    Args:
        a: (B,P,D) samples of the originals; they stay fixed.
        seed, rows, bound: see ``cross_fitted``.
        batch: positions of one step.
        preset: shape and training of the critics.
    """

    def __init__(
        self,
        a: Tensor,
        *,
        seed: int,
        rows: Sequence[int],
        bound: str,
        batch: int = 128,
        preset: PatchPreset = PatchPreset(),
    ) -> None:
        self._a = _widened(a.detach())
        self._batch = min(batch, a.shape[1])
        self._orders = RowStreams(seed, rows, _ORDERS, a.device)
        self._drawn: list[Tensor] = []
        self._last = torch.empty(0)  # positions of the last look
        self._critics = SeparableCritics(
            widths := (self._a.shape[2], preset.hidden, preset.code),
            widths,
            RowStreams(seed, rows, _WEIGHTS, a.device),
            bound=BOUNDS[bound],
            lr=preset.lr,
            alike=True,
        )

    @staticmethod
    def weights(channels: int, preset: PatchPreset = PatchPreset()) -> int:
        """Weights of one image's critic, both sides, on patches of so many channels."""
        width = max(NARROWEST, PATCH * PATCH * channels)
        return 2 * ((width + 1) * preset.hidden + (preset.hidden + 1) * preset.code)

    def ascend_with_gradient(self, b: Tensor, steps: int, again: bool = False) -> tuple[Tensor, Tensor]:
        """``steps`` Adam steps on fresh positions of x̃'s samples (B,P,D), the last ``again`` on those before.

        Returns:
            (B,) nats on the last step's positions before its update, and the gradient there (B,P,D).
        """
        wide = _widened(b)
        for _ in range(steps - 1):
            chosen = self._positions()
            self._critics.learn(_take(self._a, chosen), _take(wide, chosen))
        self._last = self._last if again else self._positions()
        chosen = self._last
        value, there = self._critics.ascend_with_gradient(_take(self._a, chosen), _take(wide, chosen))
        index = chosen.unsqueeze(2).expand(-1, -1, b.shape[2])
        return value, torch.zeros_like(b).scatter_(1, index, there[..., : b.shape[2]])

    def _positions(self) -> Tensor:
        if not self._drawn:
            times = 1 if self._a.device.type == "cpu" else _AHEAD
            drawn = self._orders.selections(self._a.shape[1], self._batch, times)
            self._drawn = list(drawn.flip(0))
        return self._drawn.pop()
