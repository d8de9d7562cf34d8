"""Writers of tables: CSV with seven digits, and a booktabs table for LaTeX."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence

# What a character means in LaTeX, and what its table says instead.
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "ε": r"$\varepsilon$",
    "±": r"$\pm$", "−": "$-$", "∞": r"$\infty$", "–": "--", "<": r"\textless{}", ">": r"\textgreater{}",
    "●": r"$\bullet$", "λ": r"$\lambda$", "×": r"$\times$",
}  # fmt: skip


def csv_bytes(lines: Sequence[Mapping[str, str | float]]) -> bytes:
    """One line a mapping, all with the same keys, under their names; empty where nothing was measured."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    if lines:
        writer.writerow(lines[0])
    for line in lines:
        writer.writerow([_plain(value) for value in line.values()])
    return buffer.getvalue().encode()


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


def _plain(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.7g}" if math.isfinite(value) else ""
