"""A reload is a new session: it finds the run of before in the page's link, and nobody else's by accident."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from links import written

from advmi_core.jobs import shared
from advmi_core.run import Run
from advmi_core.ui import visitors, work
from advmi_core.ui.attack.tasks import Task

Visit = Callable[..., Any]
PAGES = {"overview": "Watch it happen", "supervised": "Start", "unsupervised": "Start"}
pytestmark = pytest.mark.fault("P7")


def reload(visit: Visit, tab: Any) -> Any:
    """The page of the address that the tab shows, in a new session."""
    return visit(tab.page, **written(tab.app))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attack takes seconds, however fast its steps are."""
    make_run = Task.make_run

    def slowly(task: Task) -> Run[Any, Any]:
        run = make_run(task)

        def records() -> Iterator[Any]:
            for record in run:
                yield record
                time.sleep(0.1)

        return Run(records(), lambda: run.result, run.total)

    monkeypatch.setattr(Task, "make_run", slowly)
    monkeypatch.setattr(Task, "kin", lambda task: None)


def known() -> int:
    """Jobs that there are."""
    return shared().count()[1]


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("page", list(PAGES))
def test_a_reload_in_the_middle_shows_the_same_run_and_starts_none(visit: Visit, page: str) -> None:
    tab = visit(page)
    tab.press(PAGES[page])
    before = known()
    again = reload(visit, tab)
    assert again.job.id == tab.job.id
    assert known() == before
    assert again.job.active
    assert not again.stage["idle"]
    assert written(again.app) == written(tab.app)
    again.press("Cancel")
    again.finish()
    assert again.job.state == "cancelled"
    if page != "overview":
        assert "Partial result" in again.said


@pytest.mark.parametrize("page", list(PAGES))
def test_a_reload_after_a_run_shows_its_result(visit: Visit, page: str) -> None:
    tab = visit(page, **({} if page == "overview" else {"steps": "3"}))
    tab.press(PAGES[page])
    tab.finish()
    before = known()
    again = reload(visit, tab)
    assert known() == before
    assert again.stage == tab.stage
    assert not again.app.warning


@pytest.mark.usefixtures("slow")
def test_a_run_goes_on_while_another_page_is_looked_at(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    tab = visit("supervised")
    tab.press("Start")
    job = tab.job.id
    monkeypatch.setattr(shared(), "_idle_limit", -1.0)  # nobody touches it, but its tab is open
    tab.app.switch_page("pages/attack/overview.py").run()
    assert shared().get(job).active
    tab.app.switch_page("pages/attack/supervised.py").run()
    assert tab.app.session_state["supervised.job"] == job
    assert shared().get(job).active
    assert not tab.stage["idle"]


def test_after_a_reload_the_overview_starts_again_at_every_change(visit: Visit) -> None:
    tab = visit("overview")
    tab.press("Watch it happen")
    tab.finish()
    again = reload(visit, tab)
    again.app.button_group(key="overview.story").set_value("unsupervised").run()
    assert again.job.id != tab.job.id
    assert again.job.about.kind == "reconstruction"


def test_a_link_to_a_run_that_is_gone_says_so_once(visit: Visit) -> None:
    tab = visit("supervised", job="AbCdEfGhIjKlMnOp", eps="0.12")
    assert "no longer kept" in tab.said
    assert tab.stage["idle"]
    assert not tab.app.warning
    assert written(tab.app) == {"eps": "0.12"}
    tab.app.run()
    assert "no longer kept" not in tab.said


def test_a_run_of_another_page_is_not_shown(visit: Visit) -> None:
    tab = visit("supervised", steps="3")
    tab.press("Start")
    tab.finish()
    other = visit("unsupervised", job=tab.job.id)
    assert other.stage["idle"]
    assert "no longer kept" in other.said


def test_ids_cannot_be_guessed(visit: Visit) -> None:
    """Two starts in a row have nothing in common, and 16 letters of 64 are 96 bits."""
    tab = visit("supervised", steps="3")
    tab.press("Start")
    first = tab.job.id
    tab.finish()
    tab.press("Start")
    assert len(first) == len(tab.job.id) == 16
    assert sum(a == b for a, b in zip(first, tab.job.id, strict=True)) < 8
    tab.finish()


class Somebody:
    """Who draws the page, and who is here: AppTest has one session id for all."""

    def __init__(self) -> None:
        self.draws, self.here = "ann", {"ann", "bob"}


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> Iterator[Somebody]:
    who = Somebody()
    for module in (visitors, work):
        monkeypatch.setattr(module, "this_visitor", lambda: who.draws)
        monkeypatch.setattr(module, "is_here", lambda visitor: visitor in who.here)
    monkeypatch.setattr(shared(), "_gone_limit", 3.0)
    return who


@pytest.mark.usefixtures("slow")
def test_a_reload_takes_over_the_run_of_the_session_that_left(visit: Visit, somebody: Somebody) -> None:
    tab = visit("supervised")
    tab.press("Start")
    somebody.draws = "bob"
    again = reload(visit, tab)
    assert tab.job.owner == "ann"
    somebody.here.discard("ann")
    again.app.run()
    assert again.job.owner == "bob"
    assert again.job.active
    somebody.here.discard("bob")
    again.finish()
    assert again.job.error == "Stopped because its page was closed."


@pytest.mark.usefixtures("slow")
def test_a_friend_who_looks_on_is_not_faster_than_the_owners_reload(
    visit: Visit, somebody: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_CLAIM", 0.0)  # the friend came long ago
    monkeypatch.setattr(work, "_PATIENCE", 1e6)
    tab = visit("supervised")
    tab.press("Start")
    somebody.draws = "bob"
    friend = reload(visit, tab)
    somebody.here.discard("ann")
    friend.app.run()
    assert friend.job.owner == "ann"
    monkeypatch.setattr(work, "_CLAIM", 60.0)
    somebody.draws, somebody.here = "ann again", {"bob", "ann again"}
    again = reload(visit, tab)
    assert again.job.owner == "ann again"
    again.press("Cancel")
    again.finish()
    assert again.job.state == "cancelled"


@pytest.mark.usefixtures("slow")
def test_a_friend_sees_the_run_of_a_link_and_cannot_end_it(visit: Visit, somebody: Somebody) -> None:
    tab = visit("supervised")
    tab.press("Start")
    mine = tab.job.id
    somebody.draws = "bob"
    friend = reload(visit, tab)
    assert friend.job.id == mine
    (cancel,) = [button for button in friend.app.button if button.label == "Cancel"]
    assert cancel.disabled
    friend.press("Start")
    assert friend.job.id != mine
    assert shared().get(mine).active
    assert shared().get(mine).owner == "ann"
    shared().discard(friend.job.id)
