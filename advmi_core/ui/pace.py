"""Polling intervals of a page: long while its job waits, and the longer the more jobs there are."""

from __future__ import annotations

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

from advmi_core.jobs import Snapshot, shared

SOON = 0.35
WAITING = 1.0
LATEST = 2.0
# A redraw takes 20 ms of a core: all pages together shall not take more than a third of one.
_PER_JOB = 0.06


def seconds_between(now: Snapshot, every: float) -> float:
    """Seconds to the next look at a job that is drawn ``every`` so many seconds if it has the machine."""
    crowded = min(LATEST, _PER_JOB * shared().count()[0])
    if now.state == "queued":
        return round(max(every, crowded, WAITING), 1)
    if crowded <= every:
        return every
    soon = crowded if now.eta is None else min(crowded, now.eta)  # the end is seen when it comes
    return round(max(every, soon), 1)


def repeat_after(seconds: float) -> None:
    """Let the fragment that draws now repeat at another pace.

    Streamlit sends the pace once, when a fragment is declared; its browser part takes a new one at any time.
    """
    context = get_script_run_ctx()
    fragment = ThreadState.get().fragment_id
    if context is None or fragment is None:
        return
    message = ForwardMsg()
    message.auto_rerun.interval, message.auto_rerun.fragment_id = seconds, fragment
    context.enqueue(message)
