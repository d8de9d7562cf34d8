"""Several images of one run, sorted by the information they keep; click one to see its details."""

from __future__ import annotations

import streamlit as st

from advmi_core.attacks.core.records import AttackResult
from advmi_core.figures.encode import thumbnail
from advmi_core.figures.text import percent
from advmi_core.jobs import Snapshot
from advmi_core.ui.attack import results
from advmi_core.ui.attack.tasks import Task
from advmi_core.ui.widgets import components


def pick(page: str, snapshot: Snapshot) -> int:
    """Draw the gallery of a finished run; returns the row whose details are shown."""
    task: Task = snapshot.about
    if len(task.images) == 1:
        return 0
    st.markdown(results.summary(snapshot))
    order = results.ranking(task, snapshot.result)
    key = f"{page}.row.{snapshot.id}"
    clicked = components.thumbs(
        _items(snapshot.id, snapshot, order), order.index(st.session_state.get(key, order[0])),
        label="Adversarial images", key=f"{page}.gallery.{snapshot.id}", size=56,
    )  # fmt: skip
    if clicked is not None:
        st.session_state[key] = int(clicked)
        st.rerun(scope="fragment")
    return int(st.session_state.get(key, order[0]))


@st.cache_resource(max_entries=8, show_spinner=False)
def _items(job: str, _snapshot: Snapshot, _order: list[int]) -> list[dict[str, str]]:
    task: Task = _snapshot.about
    result: AttackResult = _snapshot.result
    adversarial = result.x_adv.cpu().numpy()
    items = []
    for row in _order:
        verdict = results.verdict_of(task, result, row)
        kept = percent(float(result.kept[row]))
        items.append(
            {
                "id": str(row),
                "src": thumbnail(adversarial[row]),
                "alt": f"{task.images.names[row]}: {verdict.title}; keeps {kept} of the information",
                "caption": kept,
                "badge": verdict.badge,
                "tone": verdict.tone,
            }
        )
    return items
