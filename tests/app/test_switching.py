"""Attacks keep their own parameters, links give back what was computed, and nothing in a link is Markdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from links import written

from advmi_core.attacks import ATTACKS
from advmi_core.ui.attack.fields import parameters
from advmi_core.ui.widgets import form
from advmi_core.ui.widgets.plain import plain
from advmi_core.ui.widgets.state import _text, number

Visit = Callable[..., Any]


def _held(tab: Any, name: str) -> dict[str, Any]:
    shown = parameters(ATTACKS[name], ATTACKS[name].about.supervised)
    return {p.name: tab.app.session_state[f"supervised.{name}.{p.name}"] for p in shown}


def _own(name: str) -> dict[str, Any]:
    return {p.name: p.default for p in parameters(ATTACKS[name], ATTACKS[name].about.supervised)}


@pytest.mark.fault("S1")
@pytest.mark.fault("P2")
@pytest.mark.parametrize("first", ["minmax-solver", "minmax", "pgd"])
def test_every_attack_opens_with_its_own_parameters(visit: Visit, first: str) -> None:
    tab = visit("supervised", attack_name=first, eps="0.07", steps="9")
    for name in sorted(set(ATTACKS) - {first}):
        tab.app.selectbox(key="supervised.attack-name").set_value(name).run()
        assert _held(tab, name) == _own(name)
        assert not tab.app.error
        drawn = tab.app.slider(key=f"supervised.{name}.eps").value
        assert drawn == _own(name)["eps"] > 0
    tab.app.selectbox(key="supervised.attack-name").set_value(first).run()
    assert (_held(tab, first)["eps"], _held(tab, first)["steps"]) == (0.07, 9)


@pytest.mark.fault("S1")
@pytest.mark.fault("P2")
def test_an_attack_after_another_runs_as_if_it_were_the_first(visit: Visit) -> None:
    tab = visit("supervised", attack_name="pgd", steps="4")
    tab.app.selectbox(key="supervised.attack-name").set_value("cw").run()
    tab.app.number_input(key="supervised.cw.steps").set_value(4)
    tab.press("Start")
    tab.finish()
    alone = visit("supervised", attack_name="cw", steps="4")
    alone.press("Start")
    alone.finish()
    assert tab.job.result.spec == alone.job.result.spec


@pytest.mark.fault("S1")
def test_the_weight_of_minmax_does_not_reach_pgd(visit: Visit) -> None:
    tab = visit("supervised", attack_name="minmax")
    tab.app.slider(key="supervised.minmax.mi_weight").set_value(7.5).run()
    tab.app.selectbox(key="supervised.attack-name").set_value("pgd").run()
    assert _held(tab, "pgd") == _own("pgd")


@pytest.mark.fault("S3")
@pytest.mark.parametrize("text", ["8/255", repr(8 / 255), "0.1", "1e-05", "0.30000000000000004"])
def test_a_number_survives_the_link_to_its_last_bit(text: str) -> None:
    option = number("eps", 0.3, 0.0, 1.0)
    value = option.read(text)
    assert option.read(_text(value)) == value


@pytest.mark.fault("S3")
def test_a_link_gives_the_same_spec(visit: Visit) -> None:
    first = visit("supervised", attack_name="pgd", eps="8/255", steps="3")
    first.press("Start")
    first.finish()
    assert first.job.result.spec["eps"] == 8 / 255
    link = {name.replace("-", "_"): value for name, value in written(first.app).items()}
    again = visit("supervised", **link)
    again.press("Start")
    again.finish()
    assert again.job.result.spec == first.job.result.spec
    assert (again.job.result.x_adv == first.job.result.x_adv).all()


@pytest.mark.fault("S2")
@pytest.mark.fault("P3")
@pytest.mark.parametrize("page", ["supervised", "unsupervised"])
def test_fields_carry_their_value_as_their_own_default(visit: Visit, page: str) -> None:
    tab = visit(page)
    tab.app.run()  # the second drawing no longer says that the session set the values
    for kind in (tab.app.slider, tab.app.number_input):
        for element in kind:
            if element.key in tab.app.session_state:
                default = element.proto.default
                default = default[0] if not isinstance(default, (int, float)) else default
                held = tab.app.session_state[element.key]
                assert held is None or default == held, element.key


EVIL = "![a](http://127.0.0.1:9/p.png)"


@pytest.mark.fault("L8")
@pytest.mark.parametrize("page", ["overview", "supervised", "unsupervised"])
def test_what_a_link_says_is_shown_as_it_is_written(visit: Visit, page: str) -> None:
    (warning,) = visit(page, eps=EVIL).app.warning
    assert "](http" not in warning.value
    assert "\\!\\[a\\]\\(http" in warning.value


@pytest.mark.fault("L8")
@pytest.mark.parametrize(
    "text",
    [EVIL, "$x$", "**b**", ":material/home:", "<b>", "[a](b)", "`c`", "http://a.b", "www.a.b", "a@b.c"],
)
def test_plain_text_keeps_no_mark_and_no_address(text: str) -> None:
    shown = plain(text)
    assert shown.replace("\\", "").replace("\u2060", "") == text
    assert all(shown[at - 1] == "\\" for at, letter in enumerate(shown) if letter in "*[]<>$`:!_")
    assert "http://" not in shown
    assert "www." not in shown
    assert "@b" not in shown


@pytest.mark.fault("P13")
@pytest.mark.parametrize("page", ["overview", "supervised", "unsupervised"])
def test_no_name_of_a_field_is_latex(visit: Visit, page: str) -> None:
    app = visit(page).app
    names = [
        each.label for kind in (app.slider, app.number_input, app.selectbox, app.toggle) for each in kind
    ]
    assert names
    assert not [name for name in names if "$" in name or "\\" in name]


@pytest.mark.fault("P13")
def test_the_pages_own_numbers_do_not_lose_digits(visit: Visit) -> None:
    (slider,) = visit("overview", eps="8/255").app.slider
    assert (slider.value, slider.proto.format) == (8 / 255, form.SHORT)
