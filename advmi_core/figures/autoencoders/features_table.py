"""Studies of learned features (`benchmarks.representation`, `benchmarks.contrastive`) in words and lines."""

from __future__ import annotations

from typing import Any

from advmi_core.evaluation import Paired
from advmi_core.figures.autoencoders.series import PROTOCOL_TITLES
from advmi_core.figures.text import difference

KEYS = {"spec", "asr", "used", "rows"}
_FOLDER = "assets/studies"
SOLVER = "-solver"
_STUDIES = {
    "representation-fashion-mnist": ("Concrete autoencoder, Fashion-MNIST", "benchmarks.representation"),
    "representation-mice-protein": (
        "Concrete autoencoder, Mice Protein",
        "benchmarks.representation --dataset mice-protein",
    ),
    "contrastive-fashion-mnist": ("SimCLR, Fashion-MNIST", "benchmarks.contrastive"),
}
STUDIES = {
    name + end: (heading + more, module + option)
    for name, (heading, module) in _STUDIES.items()
    for end, more, option in (("", "", ""), (SOLVER, ", UAEs by the solver", " --method solver-uae"))
}
"""Name of a study → its heading, and the module that makes it."""
_ROWS = {"original": "Original", "mine-uae": "MINE-UAE", "gaussian": "Gaussian noise"}
_METRICS = {
    "mse": ("Squared error per input, 10⁻³", 1e3, 3),
    "nt_xent": ("NT-Xent, nats", 1, 3),
    "accuracy": ("Accuracy, %", 100, 2),
}
_ROW_KEYS = {"row", "protocol", "metric", "seeds", "mean", "std", "against_original", "against_gaussian"}
_ABOUT = {
    "representation": "A concrete autoencoder selects the inputs from which it rebuilds all; 50 extremely "
    "randomised trees then classify from these alone.",
    "contrastive": "A small SimCLR encoder is trained without labels; a linear probe then classifies from "
    "its representation.",
}

Line = dict[str, Any]


def command(name: str) -> str:
    """What makes the study of this name."""
    return f"python -m {STUDIES[name][1]} --json {_FOLDER}/{name}.json"


def fits(table: dict[str, Any]) -> bool:
    """Whether a table has all that is shown here."""
    return all(row.keys() >= _ROW_KEYS and row["metric"] in _METRICS for row in table["rows"])


def verdicts(table: dict[str, Any]) -> list[tuple[str, str]]:
    """Heading and text of every metric."""
    rows = table["rows"]
    metrics = dict.fromkeys(row["metric"] for row in rows)
    return [said([row for row in rows if row["metric"] == metric]) for metric in metrics]


def caption(table: dict[str, Any], name: str) -> str:
    """What was trained on what, and the command that made it."""
    spec = table["spec"]
    return (
        f"{_ABOUT[spec['study']]} {spec['n']} training examples, {table['used']} UAEs mixed in (success "
        f"{100 * table['asr']:.1f} %), {len(spec['seeds'])} seeds, measured on the test split; ● marks a "
        f"paired 95 % interval over the seeds without 0. Made by `{command(name)}`."
    )


def lines(table: dict[str, Any]) -> list[dict[str, str]]:
    """One line a metric, protocol and training set."""
    return [_row(row) for row in table["rows"]]


def said(rows: list[Line]) -> tuple[str, str]:
    """Heading and text about one metric: do UAEs clearly help or harm, against noise and nothing new?

    Noise stands in the heading: under equal epochs whatever is mixed in adds gradient steps.
    """
    title, scale, digits = _METRICS[rows[0]["metric"]]
    more_is_better = rows[0]["metric"] == "accuracy"
    parts: list[str] = []
    clear: dict[str, list[str]] = {"noise": [], "the original": []}
    for row in rows:
        for other, against in (("noise", "against_gaussian"), ("the original", "against_original")):
            pairs = _pairs(row[against])
            if row["row"] != "mine-uae" or pairs is None:
                continue
            where = PROTOCOL_TITLES[row["protocol"]].lower()
            parts.append(f"{where}, minus {other} {difference(pairs, scale, digits)}")
            if pairs.sign:
                word = "better" if (pairs.mean > 0) == more_is_better else "worse"
                clear[other].append(f"{word} than {other} ({where})")
    finding, beside = (f"UAEs are clearly {', '.join(found)}" if found else "" for found in clear.values())
    heading = finding or "no difference from noise that the intervals can tell"
    return f"{title}: {heading}", f"{'; '.join(parts)}." + (f" {beside}." if beside else "")


def _row(row: Line) -> dict[str, str]:
    title, scale, digits = _METRICS[row["metric"]]
    value = "–" if row["mean"] is None else f"{scale * row['mean']:.{digits}f}"
    spread = "" if row["std"] is None else f" ± {scale * row['std']:.{digits}f}"
    return {
        "measured": title,
        "protocol": PROTOCOL_TITLES[row["protocol"]].lower(),
        "training set": _ROWS[row["row"]],
        "mean ± std": value + spread,
        "− original [95 %]": difference(_pairs(row["against_original"]), scale, digits, mark=True),
        "− Gaussian [95 %]": difference(_pairs(row["against_gaussian"]), scale, digits, mark=True),
    }


def _pairs(found: dict[str, Any] | None) -> Paired | None:
    """None where there is no interval."""
    if found is None or found["low"] is None:
        return None
    return Paired(found.get("n", 0), found["mean"], found["low"], found["high"])
