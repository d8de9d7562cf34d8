"""Contrast: x̃ is matched with a view of x at least as well as x is."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor, nn

from advmi_core.memory import in_parts
from advmi_core.models.networks.simclr import TEMPERATURE, contrast, draw_views, view
from advmi_core.objectives.base import Objective
from advmi_core.validate import check_count, check_images, check_number

LOGIT_TIE = 1e-4  # nats; an iterate this close to f = 0 may change sides with other batch mates


class Contrastive(Objective):
    """Unsupervised attack on a contrastive encoder: f = ℓ(x̃) − ℓ(x) + κ in nats [UAE, sec. 3.2].

    ℓ is NT-Xent in the place of the reconstruction error: a view of x̃ has to find another view of x among the
    views of fixed reference images. ``success`` is f ≤ 0: x̃ is matched with x at least as well as x is.
    Views and negatives are the same for all rows, so a row does not depend on its batch mates.

    Args:
        model: images (B,C,H,W) → embeddings (B,E) of length 1, for instance ``simclr``.
        references: (M,C,H,W) images whose views are the negatives; x itself should not be among them.
        views: pairs of views ≥ 1 over which ℓ is a mean.
        temperature: τ > 0.
        seed: ≥ 0, of all views.
        kappa: margin κ ≥ 0 in nats.

    Raises:
        ValueError: an argument is not as stated, or the model cannot take the references.
    """

    mi_sign = -1

    def __init__(
        self,
        model: nn.Module,
        references: Tensor,
        views: int = 2,
        temperature: float = TEMPERATURE,
        seed: int = 0,
        kappa: float = 0.0,
    ) -> None:
        super().__init__(model, kappa)
        check_images(references, "references")
        check_count(views, "views")
        check_number(temperature, "temperature", low=0, above=True)
        check_count(seed, "seed", low=0)
        generator = torch.Generator().manual_seed(seed)
        self._anchors, self._partners = (draw_views(views, generator) for _ in range(2))
        self._temperature = float(temperature)
        self._about = {
            "views": views,
            "temperature": self._temperature,
            "seed": seed,
            "references": hashlib.sha256(references.cpu().numpy().tobytes()).hexdigest(),
        }
        seen = view(references.detach().to(self.device), draw_views(len(references), generator))
        with torch.no_grad():
            embedded = [self._pass(part)[0] for part in torch.split(seen, 256)]
        if embedded[0].ndim != 2:
            raise ValueError(f"model must return embeddings (B,E), got {tuple(embedded[0].shape)}")
        self._negatives = torch.cat(embedded)

    def forward(self, x: Tensor, with_maps: bool = False) -> tuple[Tensor, Tensor | None]:
        """(B,V,E) embeddings of x's views, and the first-layer maps of x itself."""
        seen, maps = self._pass(torch.cat([x, self._views(x, self._anchors)]), with_maps)
        embedded = seen[len(x) :].view(len(x), len(self._anchors), -1)
        return embedded, None if maps is None else maps[: len(x)]

    @staticmethod
    def _views(x: Tensor, drawn: Tensor) -> Tensor:
        """(B·V,C,H,W): V views of every image."""
        return view(x.repeat_interleave(len(drawn), 0), drawn.repeat(len(x), 1))

    def _losses(self, anchors: Tensor, partners: Tensor) -> Tensor:
        """(B,) ℓ of embeddings (B,V,E)."""
        each = contrast(anchors.flatten(0, 1), partners.flatten(0, 1), self._negatives, self._temperature)
        return each.view(len(anchors), -1).mean(1)

    def _check(self, x: Tensor, output: Tensor) -> None:
        """Embeddings were seen at construction."""

    def _reference(self, x: Tensor, clean: Tensor) -> Tensor:
        with torch.no_grad():
            parts = in_parts(
                lambda rows: self._pass(self._views(x[rows], self._partners))[0], len(x), 64, self.device
            )
        partners = torch.cat(parts).view_as(clean)
        return torch.cat([partners.flatten(1), self._losses(clean, partners)[:, None]], dim=1)

    def judge(self, x: Tensor, output: Tensor, reference: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        difference = self._losses(output, reference[:, :-1].view_as(output)) - reference[:, -1]
        criterion = difference + self.kappa
        return criterion, criterion <= 0, criterion <= -LOGIT_TIE

    def loss(self, output: Tensor, reference: Tensor) -> Tensor:
        raise ValueError('loss="ce" needs a Classification objective, got Contrastive; use loss="margin"')

    def correct(self, clean: Tensor, reference: Tensor) -> Tensor:
        return torch.ones(len(reference), dtype=torch.bool, device=reference.device)

    def scale(self, reference: Tensor) -> Tensor:
        return torch.ones(len(reference), device=reference.device)

    def spec(self) -> dict[str, Any]:
        return {"objective": "contrastive", "model": self.name, "kappa": self.kappa, **self._about}
