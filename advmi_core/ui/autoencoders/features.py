"""Do UAEs help what is learnt? Feature selection by a concrete autoencoder, and a contrastive encoder."""

from __future__ import annotations

from typing import Any

import streamlit as st

from advmi_core.figures.autoencoders.series import PROTOCOL_TITLES, signed
from advmi_core.ui.widgets import callout, tables
from advmi_core.ui.widgets.state import PageState

_FOLDER = "assets/studies"
STUDIES = {
    "representation-fashion-mnist": ("Concrete autoencoder, Fashion-MNIST", "benchmarks.representation"),
    "representation-mice-protein": (
        "Concrete autoencoder, Mice Protein",
        "benchmarks.representation --dataset mice-protein",
    ),
    "contrastive-fashion-mnist": ("SimCLR, Fashion-MNIST", "benchmarks.contrastive"),
}
_SOLVER = "-solver"
_ROWS = {"original": "Original", "mine-uae": "MINE-UAE", "gaussian": "Gaussian noise"}
_METRICS = {
    "mse": ("Squared error per input, 10⁻³", 1e3, 3),
    "nt_xent": ("NT-Xent, nats", 1, 3),
    "accuracy": ("Accuracy, %", 100, 2),
}
_KEYS = {"row", "protocol", "metric", "seeds", "mean", "std", "against_original", "against_gaussian"}
_ABOUT = {
    "representation": "A concrete autoencoder selects the inputs from which it rebuilds all; 50 extremely "
    "randomised trees then classify from these alone.",
    "contrastive": "A small SimCLR encoder is trained without labels; a linear probe then classifies from "
    "its representation.",
}

Line = dict[str, Any]


def draw(state: PageState) -> None:
    """The studies' tables, each with what its intervals allow to say."""
    for name, (heading, module) in STUDIES.items():
        st.header(heading, anchor=False)
        command = f"python -m {module} --json {_FOLDER}/{name}.json"
        if (table := _read(name)) is None:
            tables.missing("Not measured here yet", command)
        else:
            _draw(state, name, table, command)
        if (table := _read(name + _SOLVER)) is not None:
            st.subheader(f"{heading}, UAEs by the solver", anchor=False)
            command = f"python -m {module} --method solver-uae --json {_FOLDER}/{name}{_SOLVER}.json"
            _draw(state, name + _SOLVER, table, command)


def _read(name: str) -> dict[str, Any] | None:
    """A table; None where there is none, or a damaged one."""
    table = tables.read(name, {"spec", "asr", "used", "rows"})
    whole = table is not None and all(
        row.keys() >= _KEYS and row["metric"] in _METRICS for row in table["rows"]
    )
    return table if whole else None


def _draw(state: PageState, name: str, table: dict[str, Any], command: str) -> None:
    spec, rows = table["spec"], table["rows"]
    for metric in dict.fromkeys(row["metric"] for row in rows):
        callout.box("note", *said([row for row in rows if row["metric"] == metric]))
    with st.container(key=state.key(f"table-{name}")):
        st.table([_row(row) for row in rows], border="horizontal", hide_index=True)
    st.caption(
        f"{_ABOUT[spec['study']]} {spec['n']} training examples, {table['used']} UAEs mixed in (success "
        f"{100 * table['asr']:.1f} %), {len(spec['seeds'])} seeds, measured on the test split; ● marks a "
        f"paired 95 % interval over the seeds without 0. Made by `{command}`."
    )


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
            pairs = row[against]
            if row["row"] != "mine-uae" or not _known(pairs):
                continue
            where = PROTOCOL_TITLES[row["protocol"]].lower()
            parts.append(f"{where}, minus {other} {_interval(pairs, scale, digits)}")
            if _clear(pairs):
                word = "better" if (pairs["mean"] > 0) == more_is_better else "worse"
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
        "− original [95 %]": _difference(row["against_original"], scale, digits),
        "− Gaussian [95 %]": _difference(row["against_gaussian"], scale, digits),
    }


def _difference(pairs: dict[str, Any] | None, scale: float, digits: int) -> str:
    if not _known(pairs):
        return "–"
    assert pairs is not None  # it is known
    return _interval(pairs, scale, digits) + (" ●" if _clear(pairs) else "")


def _interval(pairs: dict[str, Any], scale: float, digits: int) -> str:
    mean, low, high = (signed(scale * pairs[end], digits) for end in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def _known(pairs: dict[str, Any] | None) -> bool:
    return pairs is not None and pairs["low"] is not None


def _clear(pairs: dict[str, Any]) -> bool:
    return bool(pairs["low"] > 0 or pairs["high"] < 0)
