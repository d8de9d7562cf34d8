"""Views of a defence study: its training, the radar of attacks, the split, and both kinds of estimators."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from advmi_core.defenses import EstimatorStep
from advmi_core.figures.chart import Drawing
from advmi_core.figures.defence import charts as defence_charts
from advmi_core.figures.defence import series as drawn
from advmi_core.figures.defence.series import names
from advmi_core.figures.text import number, signed
from advmi_core.studies.defence import DefenceStudyResult
from advmi_core.studies.defence.attacks import SHORT
from advmi_core.studies.defence.records import DEFENCE, ESTIMATORS, STANDARD
from advmi_core.ui.widgets import callout, charts
from advmi_core.ui.widgets.state import Option, PageState, choice


def options() -> list[Option]:
    """What is looked at, in the URL."""
    return [choice("view", "training", list(VIEWS))]


def draw(state: PageState, result: DefenceStudyResult) -> None:
    """The chosen view of what was found."""
    if not result.training(STANDARD):
        return
    state.set("view", state.value("view"))  # not drawn while a run is followed, so it would come back unset
    st.segmented_control(
        "View", **state.held_pick("view", VIEWS), format_func=lambda name: VIEWS[name][0], required=True,
        label_visibility="collapsed", width="stretch",
    )  # fmt: skip
    VIEWS[str(state.value("view"))][1](state, result)


def live(state: PageState, result: DefenceStudyResult, stage: str) -> None:
    """The curves of what is trained now; the radar as soon as attacks are measured."""
    if result.measured:
        _radar(state, result)
    else:
        _training(state, result, stage)


def _training(state: PageState, result: DefenceStudyResult, stage: str = DEFENCE) -> None:
    shown = DEFENCE if result.training(DEFENCE) else STANDARD
    left, right = st.columns(2, gap="small")
    with left:
        steps = [step.estimator for step in result.steps if step.estimator is not None]
        learnt = [step for step in steps if step.stage != "craft"]
        if stage == ESTIMATORS and learnt:
            _estimating(state, learnt)
        else:
            _losses(state, result, shown)
    with right:
        _accuracy(state, result, shown)
    for place, name in zip(st.columns(2, gap="small"), defence_charts.INFORMATION, strict=True):
        with place:
            _information(state, result, name)
    st.caption(
        "Accuracy and MI: validation images; on x̃, right at every step of PGD on cross entropy; MI by the "
        "estimators of Eq. 5. Dotted lines: the Standard model on the same images. The epoch with the best "
        "accuracy on x̃ is kept."
    )


def _losses(state: PageState, result: DefenceStudyResult, stage: str) -> None:
    steps, chart = result.training(stage), defence_charts.losses(result, stage)
    _head(f"Loss of {names(result)[stage]}", chart)
    ends = f"loss {number(steps[-1].parts.loss)} at the last record" if steps else "no record yet"
    charts.draw(state, "losses", chart, f"Parts of the loss: {ends}")


def _estimating(state: PageState, steps: list[EstimatorStep]) -> None:
    chart = defence_charts.estimating(steps)
    _head("MI of the estimators", chart)
    charts.draw(state, "estimating", chart, "Training of the estimators")


def _accuracy(state: PageState, result: DefenceStudyResult, stage: str) -> None:
    title, history = names(result)[stage], result.history(stage)
    chart = defence_charts.accuracy(result, stage)
    _head(f"Accuracy of {title}, %", chart)
    last = history[-1] if history else None
    said = f"{100 * last.clean:.0f} % on x, {100 * last.robust:.0f} % on x̃" if last else "no epoch yet"
    charts.draw(state, "accuracy", chart, f"Accuracy of {title}: {said}")


def _information(state: PageState, result: DefenceStudyResult, name: str) -> None:
    title, history = f"{name.capitalize()} MI", result.history(DEFENCE)
    chart = defence_charts.information(result, name)
    _head(f"{title}, nats", chart)
    said = f"{number(getattr(history[-1], f'{name}_adv'))} nats of x̃ now" if history else "not measured yet"
    charts.draw(state, name, chart, f"{title}: {said}")


def _radar(state: PageState, result: DefenceStudyResult) -> None:
    if not result.measured:
        _nothing()
        return
    lines, labels, offset = drawn.radar(result)
    both = defence_charts.radars(result)
    charts.legend(*both.values())
    for place, (model, title) in zip(st.columns(2, gap="small"), names(result).items(), strict=True):
        with place:
            st.markdown(f"**{title}**")
            said = "; ".join(
                f"{label} {number(float(value) + offset)}"
                for label, value in zip(labels, lines[model]["I(x̃; h(x̃))"], strict=True)
            )
            alt = f"Standard MI of x̃ in nats, {title}: {said}"
            charts.draw(state, f"radar-{model}", both[model], alt)
    st.caption(
        f"The centre is {number(offset)} nats, the smallest mean of both models, not 0. "
        f"Means over {result.lesson.measured} test images, all attacked, by the estimators "
        f"of Eq. 4. FWA moves mass by at most {result.lesson.eps:g} pixels on average. AA is a short "
        f"AutoAttack: {SHORT['steps']} steps, {SHORT['targets']} targets, {SHORT['queries']} queries."
    )


def _split(state: PageState, result: DefenceStudyResult) -> None:
    if not result.measured:
        _nothing()
        return
    both = defence_charts.splits(result)
    charts.legend(*both.values())
    for place, (model, title) in zip(st.columns(2, gap="small"), names(result).items(), strict=True):
        with place:
            st.markdown(f"**{title}**")
            said = "; ".join(f"{one.attack} {signed(one.gap.mean)}" for one in drawn.splits(result, model))
            alt = f"Gap between standard MI and natural plus adversarial MI, {title}: {said} nats"
            charts.draw(state, f"split-{model}", both[model], alt)
    st.caption(
        "Eq. 3 as measured: I(x̃; h(x̃)) against I(x; h(x̃)) + I(x̃ − x; h(x̃)), means over "
        f"{result.lesson.measured} test images by the estimators of Eq. 4. The equation is an approximation, "
        "and each of the three is a bound by a network of its own: the number above the bars is the gap, "
        "standard minus the sum."
    )


def _equations(state: PageState, result: DefenceStudyResult) -> None:
    found, count = drawn.equations(result)
    if not count:
        _nothing()
        return
    told = {stage: means["natural_x"].mean - means["natural_adv"].mean for stage, means in found.items()}
    felt = {
        stage: means["adversarial_adv"].mean - means["adversarial_x"].mean for stage, means in found.items()
    }
    text = (
        f"Natural MI of x minus that of x̃: {signed(told['first'])} by Eq. 4, {signed(told['optimised'])} by "
        f"Eq. 5. Adversarial MI of x̃ minus that of x: {signed(felt['first'])} by Eq. 4, "
        f"{signed(felt['optimised'])} by Eq. 5."
    )
    callout.box("note", "How far apart x and x̃ are", text)
    charts.draw(state, "equations", defence_charts.equations(found), text)
    st.caption(
        f"Standard model under {drawn.ATTACK}, the {count} of {result.lesson.measured} test images that are "
        "right on x and wrong on x̃ (Eq. 6); whiskers: 95 % interval of the mean (Student), from five images "
        "on. Eq. 4 bounds the MI; Eq. 5 trains the difference between x and x̃, so its level is no MI."
    )


def _nothing() -> None:
    callout.box("note", "Not measured yet", "This view appears when the models are under attack.")


def _head(title: str, chart: Drawing) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(f"**{title}**", width="content")
        charts.legend(chart, width="content")


VIEWS: dict[str, tuple[str, Callable[[PageState, DefenceStudyResult], None]]] = {
    "training": ("Training", _training),
    "radar": ("Attacks: standard MI", _radar),
    "split": ("Natural + adversarial (Eq. 3)", _split),
    "equations": ("Estimators: Eq. 4 and Eq. 5", _equations),
}
