"""A result in words and numbers: verdict, read-outs, warnings."""

from __future__ import annotations

import math
from collections.abc import Sequence

from advmi_core.attacks import ATTACKS, Attack
from advmi_core.attacks.core.descent import Descent
from advmi_core.attacks.core.mi_term import DISTANCE, is_measure
from advmi_core.attacks.core.records import AttackResult
from advmi_core.figures.attack.trajectory import loop_title
from advmi_core.figures.text import (
    Readout,
    Verdict,
    information,
    keeps,
    number,
    percent,
)

OPTIMISTIC = (
    "Estimated from few samples with critics scored on what they learnt from, so optimistic and noisy: it "
    "can exceed log K by far, and it ranks single images poorly. Take it as a direction, not a measurement."
)
KEPT = (
    "The share of the information in x that x̃ keeps, in closed form from 3×3 patches: x itself keeps 100 %, "
    "a picture that has nothing to do with it 0 %. The curve shows the same of every iterate, for every "
    "attack."
)
MEASURED = (
    "A second opinion, from fresh critics scored on patches that they have not seen (InfoNCE): it ranks "
    "images and methods the same way for every seed, but small losses hide in its noise."
)


def classification(
    result: AttackResult, row: int, classes: Sequence[str], truth: int, *, target: int | None, known: bool
) -> Verdict:
    """Was the classifier fooled?"""
    before = classes[int(result.output[row].argmax())]
    after = classes[int(result.output_adv[row].argmax())]
    if not bool(result.correct[row]):
        text = f"The model takes x for {before}; its class is {classes[truth]}, so this image does not count."
        return Verdict("note", "not counted", "Not counted: the original is misclassified", text)
    if bool(result.success[row]):
        aim = " – the target" if target is not None else ""
        what = "true class" if known else "the model's own first answer"
        return Verdict(
            "good", "", f"Success: {before} → {after}{aim}", f"{what.capitalize()}: {classes[truth]}."
        )
    wanted = f"as {classes[target]}" if target is not None else "as another class"
    text = f"No iterate was classified {wanted}; the one with the smallest criterion is shown."
    return Verdict("bad", "failed", f"Failed: still {after}", text)


def reconstruction(result: AttackResult, row: int) -> Verdict:
    """Is this an unsupervised adversarial example?"""
    if bool(result.success[row]) and not _rebuilt(result, row):
        return Verdict(
            "note", "Φ(x) is bad", "f ≤ 0, but Φ does not rebuild x itself",
            f"‖x − Φ(x)‖² = {number(_loss(result, row))}, where grey alone would have "
            f"{number(_grey(result, row))}: x̃ is only no worse than a reconstruction that is no good.",
        )  # fmt: skip
    # The published rule wants some mutual information to be left where it is what is minimised.
    published = issubclass(ATTACKS.get(result.spec["attack"], Attack), Descent)
    wanted = "f ≤ 0 and I > 0" if published and result.spec.get("mi", DISTANCE) != DISTANCE else "f ≤ 0"
    if bool(result.success[row]):
        return Verdict(
            "good", "", "Success: x̃ reconstructs to x at least as well as x itself",
            _unseen(float(result.kept[row]))
            or f"{wanted}: the autoencoder rebuilds x from a changed picture.",
        )  # fmt: skip
    return Verdict(
        "bad",
        "failed",
        f"Failed: no iterate with {wanted}",
        "The iterate with the smallest criterion is shown.",
    )


def _unseen(share: float) -> str:
    """What it says of an autoencoder that it rebuilds x from so much of its information; "" if unknown."""
    if not math.isfinite(share):
        return ""
    return (
        f"x̃ keeps {percent(share)} of the information in x, and Φ rebuilds x from it. At the other "
        f"{percent(1 - min(1.0, max(0.0, share)))} Φ does not look: something like television noise may "
        "stand there."
    )


def _rebuilt(result: AttackResult, row: int) -> bool:
    """Whether Φ(x) is nearer to x by half than the best picture of one grey level."""
    return _loss(result, row) <= 0.5 * _grey(result, row)


def _loss(result: AttackResult, row: int) -> float:
    return float((result.x[row] - result.output[row]).square().sum())


def _grey(result: AttackResult, row: int) -> float:
    return float((result.x[row] - result.x[row].mean()).square().sum())


def readouts(result: AttackResult, row: int) -> list[Readout]:
    """The numbers of one row."""
    best = int(result.best_step[row])
    return [
        Readout("Criterion f", number(float(result.criterion[row])), "≤ 0 means: adversarial example found"),
        Readout(
            "Information kept",
            keeps(float(result.kept[row]), float(result.information[row])),
            KEPT,
        ),
        Readout("MI by InfoNCE", information(float(result.mi[row])), MEASURED),
        *_loop(result, row),
        Readout("L∞", number(float(result.linf[row])), "largest change of a pixel, grey levels in [0,1]"),
        Readout("L2", number(float(result.l2[row])), "Euclidean length of the perturbation"),
        Readout("Queries", str(int(result.queries[row])), "forward passes of the model"),
        Readout("Kept iteration", str(best) if best else "–", "the iterate that is the result"),
    ]


def _loop(result: AttackResult, row: int) -> list[Readout]:
    """What the loop's own term said of the kept iterate; nothing where the loop has the measure itself."""
    said = float(result.mi_loop[row])
    if not math.isfinite(said) or is_measure(result.loop_term):
        return []
    help = "what the attack itself sees, on another scale; biased by picking the best step"
    title = loop_title(result.loop_term)
    return [Readout(title[0].upper() + title[1:], f"{number(said)} nats", help)]
