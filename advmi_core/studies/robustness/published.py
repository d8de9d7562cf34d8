"""Published accuracies, typed in from the paper, beside which measured ones are shown but never mixed."""

from __future__ import annotations

from dataclasses import dataclass

_LINF, _L2 = ("None", "PGD-40", "AA", "FWA-40", "TI-DIM"), ("None", "PGD-40", "CW", "DDN")
_BLACK = _LINF[:4]
_ROWS = ("standard", "wmim", "namid", "trades", "namid-t", "mart", "namid-m")
_WHITE_BOX = {
    "cifar10": """
        83.39 42.38 39.01 15.44 55.63  83.97 61.69 30.96 29.34
        80.32 40.76 36.05 12.14 53.10  81.29 58.36 28.41 27.13
        83.41 44.79 39.26 15.67 58.23  84.35 62.38 34.48 32.41
        80.70 46.29 42.71 20.54 57.06  83.72 63.17 33.81 32.06
        80.67 47.53 43.39 21.17 59.13  84.19 64.75 35.41 34.27
        78.21 50.23 43.96 25.56 58.62  83.36 65.38 35.57 34.69
        78.38 51.69 44.42 25.64 61.26  84.07 66.03 36.19 35.76""",
    "tiny-imagenet": """
        48.40 17.35 11.27 10.29 27.84  49.57 26.19 12.73 11.25
        47.43 16.50  9.87  9.25 25.19  48.16 24.10 11.35 10.16
        48.41 18.67 12.29 11.32 29.37  49.65 28.13 14.29 12.57
        48.25 19.17 12.36 10.67 29.64  48.83 27.16 13.28 12.34
        48.21 20.12 12.86 14.91 30.81  49.07 28.83 14.47 13.91
        47.83 20.90 15.57 12.95 30.71  48.56 27.98 14.36 13.79
        47.80 21.23 15.83 15.09 31.59  48.72 29.14 15.06 14.23""",
}
_BLACK_BOX = """
    83.39 65.88 60.93 56.42
    80.32 62.79 57.86 53.05
    83.41 69.57 63.72 59.30"""
_OTHERWISE = "cifar10"  # what is shown beside a data set that nothing was published for

Key = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Published:
    """One figure of the paper.

    Attributes:
        accuracy: in [0,1].
        dataset: that it was measured on, with a ResNet-18, ε 8/255 (L∞) or 0.5 (L2).
        same_dataset: whether that is the data set of the cell beside it.
    """

    accuracy: float
    dataset: str
    same_dataset: bool


def published(kind: str, dataset: str, norm: str, row: str, attack: str) -> Published | None:
    """The paper's figure for a cell, or None if it has none [NAMID, tables 1 to 3; CIFAR-10, Tiny-ImageNet].

    A data set without published figures is shown beside CIFAR-10's, and the figure says so.

    Args:
        kind: ``"whitebox"`` or ``"blackbox"`` (surrogate: adversarially trained VGG-19); others have none.
        dataset: of the cell.
        norm: ``"linf"`` or ``"l2"``.
        row: key of ``DEFENSES``.
        attack: the column's label.
    """
    source = dataset if dataset in _WHITE_BOX else _OTHERWISE
    accuracy = _FIGURES.get((kind, source, norm, row, attack))
    return None if accuracy is None else Published(accuracy, source, source == dataset)


def _figures() -> dict[Key, float]:
    columns = [("linf", label) for label in _LINF] + [("l2", label) for label in _L2]
    found: dict[Key, float] = {}
    for dataset, text in _WHITE_BOX.items():
        found |= _table("whitebox", dataset, text, columns)
    return found | _table("blackbox", "cifar10", _BLACK_BOX, [("linf", label) for label in _BLACK])


def _table(kind: str, dataset: str, text: str, columns: list[tuple[str, str]]) -> dict[Key, float]:
    lines = [line.split() for line in text.strip().splitlines()]
    return {
        (kind, dataset, norm, row, label): float(value) / 100
        for row, line in zip(_ROWS, lines, strict=False)  # the black-box table has the first three rows
        for (norm, label), value in zip(columns, line, strict=True)
    }


_FIGURES = _figures()
