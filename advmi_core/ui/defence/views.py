"""Views of a defence study: its training, the radar of attacks, the split, and both kinds of estimators."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from advmi_core.defenses import EstimatorStep
from advmi_core.figures.defence import bars as defence_bars
from advmi_core.figures.defence import screen as defence_screen
from advmi_core.figures.defence import series as drawn
from advmi_core.figures.defence.series import ADVERSARIAL, NATURAL, WHOLE, names
from advmi_core.figures.defence.text import signed
from advmi_core.figures.style import Style
from advmi_core.figures.sweep import legend as sweep_legend
from advmi_core.figures.text import number
from advmi_core.studies.defence import DefenceStudyResult
from advmi_core.studies.defence.attacks import SHORT
from advmi_core.studies.defence.records import DEFENCE, ESTIMATORS, STANDARD
from advmi_core.ui.widgets import callout
from advmi_core.ui.widgets.state import Option, PageState, choice

BARE = {"displayModeBar": False}
OF_X = Style("of x", "#7d838c", "dash", "square", "--", "s", "8 5")
OF_ADV = Style("of x̃", "#d55e00", "solid", "circle", "-", "o", "")


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
    for place, name, title in zip(
        st.columns(2, gap="small"), ("natural", "adversarial"), ("Natural MI", "Adversarial MI"), strict=True
    ):
        with place:
            _information(state, result, name, title)
    st.caption(
        "Accuracy and MI: validation images; on x̃, right at every step of PGD on cross entropy; MI by the "
        "estimators of Eq. 5. Dotted lines: the Standard model on the same images. The epoch with the best "
        "accuracy on x̃ is kept."
    )


def _losses(state: PageState, result: DefenceStudyResult, stage: str) -> None:
    steps = result.training(stage)
    _head(f"Loss of {names(result)[stage]}", defence_screen.loss_looks(steps))
    ends = f"loss {number(steps[-1].parts.loss)} at the last record" if steps else "no record yet"
    _chart(state, "losses", defence_screen.losses(steps), f"Parts of the loss: {ends}")


def _estimating(state: PageState, steps: list[EstimatorStep]) -> None:
    _head("MI of the estimators", list(defence_screen.ESTIMATED.values()))
    _chart(state, "estimating", defence_screen.estimating(steps), "Training of the estimators")


def _accuracy(state: PageState, result: DefenceStudyResult, stage: str) -> None:
    title, history = names(result)[stage], result.history(stage)
    _head(f"Accuracy of {title}, %", [OF_X, OF_ADV])
    kept = result.kept(STANDARD) if stage == DEFENCE else None
    levels = [] if kept is None else [(OF_X, 100 * kept.clean), (OF_ADV, 100 * kept.robust)]
    figure = defence_screen.over_epochs(
        [(OF_X, history, lambda e: 100 * e.clean), (OF_ADV, history, lambda e: 100 * e.robust)],
        "right, %", epochs=result.lesson.epochs, levels=levels,
    )  # fmt: skip
    figure.update_yaxes(range=[0, 100])
    last = history[-1] if history else None
    said = f"{100 * last.clean:.0f} % on x, {100 * last.robust:.0f} % on x̃" if last else "no epoch yet"
    _chart(state, "accuracy", figure, f"Accuracy of {title}: {said}")


def _information(state: PageState, result: DefenceStudyResult, name: str, title: str) -> None:
    history, reference = result.history(DEFENCE), result.reference
    _head(f"{title}, nats", [OF_X, OF_ADV])
    of_x, of_adv = f"{name}_x", f"{name}_adv"
    levels = [] if reference is None else [
        (OF_X, getattr(reference, of_x)), (OF_ADV, getattr(reference, of_adv))
    ]  # fmt: skip
    figure = defence_screen.over_epochs(
        [(OF_X, history, lambda e: getattr(e, of_x)), (OF_ADV, history, lambda e: getattr(e, of_adv))],
        f"{title}, nats", epochs=result.lesson.epochs, levels=levels,
    )  # fmt: skip
    said = f"{number(getattr(history[-1], of_adv))} nats of x̃ now" if history else "not measured yet"
    _chart(state, name, figure, f"{title}: {said}")


def _radar(state: PageState, result: DefenceStudyResult) -> None:
    if not result.measured:
        _nothing()
        return
    lines, labels, offset = drawn.radar(result)
    st.html(sweep_legend.samples(defence_screen.radar_looks()))
    top = max(float(v) for mine in lines.values() for values in mine.values() for v in values if v == v)
    for place, (model, title) in zip(st.columns(2, gap="small"), names(result).items(), strict=True):
        with place:
            st.markdown(f"**{title}**")
            said = "; ".join(
                f"{label} {number(float(value) + offset)}"
                for label, value in zip(labels, lines[model]["I(x̃; h(x̃))"], strict=True)
            )
            _chart(
                state, f"radar-{model}", defence_screen.radar(lines[model], labels, top, offset),
                f"Standard MI of x̃ in nats, {title}: {said}",
            )  # fmt: skip
    st.caption(
        f"The centre is {number(offset)} nats, the smallest mean of both models, not 0. "
        f"Means over {result.lesson.measured} test images, all attacked, by the estimators "
        f"of Eq. 4. FWA moves mass by at most {result.lesson.eps:g} pixels on average. AA is a short "
        f"AutoAttack: {SHORT['steps']} steps, {SHORT['targets']} targets, {SHORT['queries']} queries."
    )


def _split(state: PageState, result: DefenceStudyResult) -> None:
    both = {model: drawn.splits(result, model) for model in names(result)}
    every = [one for mine in both.values() for one in mine]
    if not every:
        _nothing()
        return
    st.html(sweep_legend.samples([WHOLE, NATURAL, ADVERSARIAL, defence_bars.SUM]))
    ends = defence_bars.split_ends(every)
    for place, (model, title) in zip(st.columns(2, gap="small"), names(result).items(), strict=True):
        with place:
            st.markdown(f"**{title}**")
            said = "; ".join(f"{one.attack} {signed(one.gap.value)}" for one in both[model])
            _chart(
                state, f"split-{model}", defence_bars.split(both[model], ends),
                f"Gap between standard MI and natural plus adversarial MI, {title}: {said} nats",
            )  # fmt: skip
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
    figure = defence_bars.equations(found)
    told = {stage: means["natural_x"].value - means["natural_adv"].value for stage, means in found.items()}
    felt = {
        stage: means["adversarial_adv"].value - means["adversarial_x"].value for stage, means in found.items()
    }
    text = (
        f"Natural MI of x minus that of x̃: {signed(told['first'])} by Eq. 4, {signed(told['optimised'])} by "
        f"Eq. 5. Adversarial MI of x̃ minus that of x: {signed(felt['first'])} by Eq. 4, "
        f"{signed(felt['optimised'])} by Eq. 5."
    )
    callout.box("note", "How far apart x and x̃ are", text)
    _chart(state, "equations", figure, text)
    st.caption(
        f"Standard model under {drawn.ATTACK}, the {count} of {result.lesson.measured} test images that are "
        "right on x and wrong on x̃ (Eq. 6); whiskers: 95 % interval of the mean (Student), from five images "
        "on. Eq. 4 bounds the MI; Eq. 5 trains the difference between x and x̃, so its level is no MI."
    )


def _nothing() -> None:
    callout.box("note", "Not measured yet", "This view appears when the models are under attack.")


def _head(title: str, looks: list[Style]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(f"**{title}**", width="content")
        if looks:
            st.html(sweep_legend.samples(looks), width="content")


def _chart(state: PageState, name: str, figure: object, alt: str) -> None:
    st.plotly_chart(figure, config=BARE, key=state.key(f"chart-{name}"), alt=alt)


VIEWS: dict[str, tuple[str, Callable[[PageState, DefenceStudyResult], None]]] = {
    "training": ("Training", _training),
    "radar": ("Attacks: standard MI", _radar),
    "split": ("Natural + adversarial (Eq. 3)", _split),
    "equations": ("Estimators: Eq. 4 and Eq. 5", _equations),
}
