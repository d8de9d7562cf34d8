"""Writers of tables and settings: CSV with seven digits, a booktabs table for LaTeX, and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

# What a character means in LaTeX, and what its table says instead.
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "ε": r"$\varepsilon$",
    "±": r"$\pm$", "−": "$-$", "∞": r"$\infty$", "–": "--", "<": r"\textless{}", ">": r"\textgreater{}",
    "●": r"$\bullet$", "λ": r"$\lambda$", "×": r"$\times$",
}  # fmt: skip


def csv_bytes(table: Sequence[Mapping[str, object]] | Mapping[str, Any], digits: int = 7) -> bytes:
    """Lines with the same keys, or columns, under their names; empty where nothing was measured."""
    from pandas import DataFrame  # a terminal's table must not wait for it

    frame = DataFrame(table).replace([float("inf"), -float("inf")], float("nan"))
    text: str = frame.to_csv(index=False, float_format=f"%.{digits}g", lineterminator="\n")
    return text.encode() if len(frame) else b""


def json_bytes(value: object) -> bytes:
    """Settings, readable by people and programs."""
    return (json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()


def booktabs(
    names: Sequence[str], lines: Sequence[Sequence[str]], left: int, groups: Sequence[object]
) -> bytes:
    """A table for ``\\usepackage{booktabs}``.

    Args:
        names: of the columns, as plain text; so are the lines.
        lines: the cells of every line.
        left: columns that are aligned to the left, the first ones.
        groups: of every line; where it changes, a little space is left.
    """
    out = [
        "% needs \\usepackage{booktabs}",
        "\\begin{tabular}{" + "l" * left + "r" * (len(names) - left) + "}",
        "\\toprule",
        _line(names),
        "\\midrule",
    ]
    for at, (cells, group) in enumerate(zip(lines, groups, strict=True)):
        if at and group != groups[at - 1]:
            out.append("\\addlinespace")
        out.append(_line(cells))
    return ("\n".join([*out, "\\bottomrule", "\\end{tabular}"]) + "\n").encode()


def _line(cells: Sequence[str]) -> str:
    return " & ".join(map(_latex, cells)) + r" \\"


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text).replace("⁻³", "$^{-3}$")
