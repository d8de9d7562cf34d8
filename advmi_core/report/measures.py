"""Page of mutual information: do two seeds rank images alike, and are known truths found?"""

from __future__ import annotations

from typing import Any

from advmi_core.figures.mutual_information import reliability_table
from advmi_core.figures.text import signed
from advmi_core.report.markdown import made_by, page, section, table
from advmi_core.studies import shipped

_KEYS = {"command", "samples", "seeds", "rows"}
_OF_PHOTOGRAPHS = {"command", "images", "costs", "estimate_mi"}
_NOT_A_STRENGTH = ("itself", "another picture", "mixed")


def mutual_information() -> str:
    """The page."""
    names = shipped.names("reliability-")
    reliable = {name: shipped.read(name, reliability_table.KEYS) for name in names}
    photographs = shipped.read("photographs", _OF_PHOTOGRAPHS)
    known = shipped.read("estimators", _KEYS)
    return page(
        "Mutual information",
        "Two questions to an estimator. Of one image: do two seeds rank the same images alike? Of a data "
        "set: how far is the estimate from a truth that is known?",
        *(_reliability(found) for found in reliable.values() if found and reliability_table.fits(found)),
        "" if photographs is None else _photographs(photographs),
        "" if known is None else _estimators(known),
    )


def _photographs(found: shipped.Table) -> str:
    costs, rows = found["costs"], found["estimate_mi"]
    lines = [
        {
            "against": name if name in _NOT_A_STRENGTH else f"ε = {name}",
            "rank correlation": f"{row['rank correlation']:.3f}",
            "mean, nats": f"{row['mean, nats']:.2f}",
            "CPU seconds per image": f"{row['seconds']:.2f}",
        }
        for name, row in rows.items()
    ]
    return section(
        "One image, photographs",
        f"{found['images']} crops of five photographs at 224×224, two seeds; a third each by PGD, noise and "
        "MinMax.",
        table(lines),
        f"The closed-form measure with its gradient takes {costs['Information']:.2f} CPU-s an image, an "
        f"iteration of PGD {costs['PGD']:.2f} and of MinMax {costs['MinMax']:.2f}: "
        f"{costs['MinMax / PGD']:.1f} times as much.",
        made_by(found["command"]),
    )


def _reliability(found: shipped.Table) -> str:
    rows = [
        {name: text for name, text in row.items() if name != "ms per image"}
        for row in reliability_table.rows(found)
    ]
    return section(f"One image, {found['data']}", table(rows), reliability_table.caption(found))


def _estimators(found: shipped.Table) -> str:
    return section(
        "A data set, where the truth is known",
        f"{found['samples']:,} samples, {found['seeds']} seeds, every estimator at its defaults; nats. "
        "Bounds stay below a large truth, and closed forms see only what they assume.",
        table([_line(row) for row in found["rows"]]),
        made_by(found["command"]),
    )


def _line(row: dict[str, Any]) -> dict[str, str]:
    return {
        "estimator": row["estimator"],
        "task": f"{row['task']}, {row['dim']}-d",
        "truth": f"{row['truth']:.3g}",
        "mean error ± std": f"{signed(row['bias'], 3)} ± {row['std']:.3f}",
        "largest error": signed(row["largest_error"], 3),
    }
