"""Visitors: one session of Streamlit is one tab of one visitor."""

from __future__ import annotations

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from advmi_core.jobs import Snapshot


def this_visitor() -> str:
    """The id of the session that draws."""
    context = get_script_run_ctx()
    return "" if context is None else context.session_id


def is_here(visitor: str) -> bool:
    """Whether the visitor's tab is connected; also where nothing can tell."""
    try:
        return bool(runtime.get_instance().is_active_session(visitor))
    except RuntimeError:  # no server
        return True


def of_another(job: Snapshot | None) -> bool:
    """Whether a job belongs to another visitor, who is still here and must not lose it."""
    return job is not None and job.owner not in ("", this_visitor()) and is_here(job.owner)
