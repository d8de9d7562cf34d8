"""Images that a visitor chose."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor


@dataclass(frozen=True)
class Images:
    """Chosen images.

    Attributes:
        x: (B,C,H,W) in [0,1].
        y: (B,) labels; where ``known`` is False, the model's own first answers.
        names: B short names.
        source: where they come from, for people.
        doubt: why y are the model's own answers, "" where they are not.
    """

    x: Tensor
    y: Tensor
    known: bool
    names: tuple[str, ...]
    source: str
    doubt: str = ""

    def __len__(self) -> int:
        return len(self.names)

    def only(self, keep: Tensor) -> Images:
        """Those rows for which ``keep`` (B,) is True."""
        names = tuple(name for name, kept in zip(self.names, keep.tolist(), strict=True) if kept)
        return replace(self, x=self.x[keep], y=self.y[keep], names=names)
