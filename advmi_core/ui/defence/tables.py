"""The robustness tables that come with AdvMI, or how to compute them."""

from __future__ import annotations

from functools import partial

import streamlit as st

from advmi_core.experiments.shipped import StoredError
from advmi_core.figures.chart import Chart
from advmi_core.figures.robustness import charts as robustness_charts
from advmi_core.figures.robustness import table as robustness_table
from advmi_core.figures.robustness import text as robustness_words
from advmi_core.figures.tabular import json_bytes
from advmi_core.studies.robustness import KINDS, Line, RobustnessResult, stored
from advmi_core.studies.robustness.suite import AUTOATTACK, LABELS, NONE
from advmi_core.ui import resources
from advmi_core.ui.defence import term
from advmi_core.ui.widgets import callout, charts, downloads, tables
from advmi_core.ui.widgets.downloads import File
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import Option, PageState, choice

TRAIN = "advmi train-defences --out DIR"
MEASURE = "advmi table {} --run --trained DIR"
TABLES = {
    "whitebox-linf": "White box, L∞",
    "whitebox-l2": "White box, L2",
    "blackbox-linf": "Black box",
    "ablation-linf": "Ablation",
}
TERM = "term"
_TITLES = {**TABLES, TERM: "NAMID's term alone"}
_ABOUT = {
    "whitebox": "each attack sees the model that it attacks",
    "blackbox": "x̃ is made on a surrogate of another architecture and judged by the model of the row",
    "ablation": "NAMID without its pieces",
}


def options() -> list[Option]:
    """Which table, in the URL."""
    return [choice("table", "whitebox-linf", list(_TITLES))]


def draw(state: PageState) -> None:
    """The chosen table among those that are there."""
    here = [name for name in TABLES if name in stored.available(resources.DATASET)]
    if not here:
        command = f"{TRAIN}\n{MEASURE.format('whitebox')}"
        tables.missing("No full table here yet", command, "Start trains a small defence.")
        return
    here += [TERM] if (studies := term.studies()) else []
    if state.value("table") not in here:
        state.set("table", here[0])
    state.set("table", state.value("table"))
    st.segmented_control(
        "Table", **state.held_pick("table", here), format_func=_TITLES.__getitem__, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if state.value("table") == TERM:
        term.draw(state, studies)
        return
    kind, norm = str(state.value("table")).split("-")
    try:
        result = stored.load(kind, resources.DATASET, norm)
    except StoredError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    _table(state, result, norm)


def _table(state: PageState, result: RobustnessResult, norm: str) -> None:
    lines = result.table()
    columns = [line for line in lines if line.attack in LABELS[norm]]
    callout.box(*robustness_words.verdict(result))
    if doubts := result.doubts():
        callout.box("bad", "Not to be trusted as it stands", f"{'; '.join(doubts)}.")
    _measured(state, columns)
    figures = _figures(result, columns)
    _charts(state, figures)
    with st.expander("Every difference from its baseline, seed by seed"), st.container(
        key=state.key("table-differences")
    ):  # fmt: skip
        st.table(robustness_table.differences(lines), border="horizontal", hide_index=True)
    st.caption(_about(result))
    _files(state, result, lines, figures)


def _measured(state: PageState, columns: list[Line]) -> None:
    """The table as measured, and under it the published one, which is never mixed with it."""
    texts = robustness_table.wide(columns)
    for mine, heading in (
        (True, "Measured: right, %, mean ± standard deviation over seeds"),
        (False, "Published [NAMID], not measured here: right, %"),
    ):
        rows = [_part(text, published=not mine) for text in texts]
        rows = [row for row in rows if any(value != "–" for value in list(row.values())[1:])]
        if rows and len(rows[0]) > 1:
            st.markdown(f"**{heading}**")
            with st.container(key=state.key(f"table-{'measured' if mine else 'published'}")):
                st.table(rows, border="horizontal", hide_index=True)


def _part(text: dict[str, str], *, published: bool) -> dict[str, str]:
    """A line's title with its measured cells, or with its published ones."""
    title, *cells = text.items()
    kept = [(name, value) for name, value in cells if (robustness_table.PUBLISHED in name) == published]
    return dict([title, *kept])


def _figures(result: RobustnessResult, columns: list[Line]) -> dict[str, tuple[str, Chart]]:
    """Heading → what it adds, and the chart."""
    attacked = [line for line in columns if line.attack != NONE] or columns
    found = {
        "Accuracy under every attack": (", a mark a seed", robustness_charts.accuracies(columns)),
        "Difference from the row's baseline": (
            ", paired 95 % interval over the images", robustness_charts.differences(attacked)
        ),
    }  # fmt: skip
    longer = robustness_charts.guards(result)
    if longer is not None:
        found["More steps and restarts"] = (", a guard against gradients that mislead", longer)
    return found


def _charts(state: PageState, figures: dict[str, tuple[str, Chart]]) -> None:
    charts.legend(*(chart for _, chart in figures.values()))
    for at, (heading, (more, chart)) in enumerate(figures.items()):
        st.markdown(f"**{heading}**{more}")
        charts.draw(state, f"robustness-{at}", chart, f"{heading}{more}")


def _about(result: RobustnessResult) -> str:
    spec = result.spec
    few = spec["images"].get(AUTOATTACK)
    some = f" AutoAttack (AA) on the first {few} of them, Wilson's intervals in the CSV file." if few else ""
    some += f" {beside}" if (beside := robustness_words.beside_autoattack(result)) else ""
    on = f" Surrogate: {spec['surrogate']['model']}." if spec["surrogate"] else ""
    command = MEASURE.format(spec["kind"])
    if spec["surrogate"]:
        command += f" --surrogate {spec['surrogate']['model']} --surrogate-weights FILE"
    command += f" --autoattack-images {few}" if few else ""
    rows = ", ".join(row.title for name, row in KINDS[spec["kind"]].items() if name not in spec["rows"])
    columns = ", ".join(label for label in LABELS[spec["norm"]] if label not in spec["images"])
    missing = "; ".join(part for part in (rows, columns) if part)
    without = f" Not measured so far: {missing}." if missing else ""
    return (
        f"Comes with AdvMI: {_ABOUT[spec['kind']]}; {max(spec['images'].values())} test images of "
        f"{spec['dataset']}, {len(spec['seeds'])} trainings a row. "
        f"{robustness_words.trained(result)}{on}{some}{without} ● marks an interval without 0; no correction "
        f"for the number of comparisons. Made by `{TRAIN}` and `{command}`."
    )


def _files(
    state: PageState, result: RobustnessResult, lines: list[Line], figures: dict[str, tuple[str, Chart]]
) -> None:
    spec = result.spec
    stem = f"advmi-{spec['kind']}-{spec['dataset']}-{spec['norm']}"
    downloads.row(
        state, stem, {heading: partial(_same, chart) for heading, (_, chart) in figures.items()},
        [
            File("Table", f"{stem}.csv", partial(robustness_table.as_csv, lines)),
            File("Table", f"{stem}.tex", partial(robustness_table.as_latex, lines)),
            File("Settings", f"{stem}.json", partial(json_bytes, spec)),
        ],
        "table-files",
    )  # fmt: skip


def _same(chart: Chart) -> Chart:
    return chart
