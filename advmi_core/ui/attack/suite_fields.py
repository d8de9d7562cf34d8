"""Parameters of the evaluation attacks, and those that mean something else in one of them."""

from __future__ import annotations

from advmi_core.ui.widgets.field import Field

_LENGTH = Field(
    "Longest δ: ‖δ‖₂ ≤ ε",
    "The attack looks for the shortest δ; longer ones than this do not count.",
    0.0,
    5.0,
    0.05,
    slider=True,
    main=True,
)
_STEPS = Field(
    "Iterations",
    "Steps of the image; of every run or target, where an attack has several.",
    1,
    2000,
    1,
    main=True,
)

_MARKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_WEIGHT = Field(
    "MI weight w: destroy … keep information",
    "How much the information in x̃ counts against the length of δ: with w > 0 the attack tries to keep it, "
    "with w < 0 to destroy it. 0 is the attack without it, the shortest δ.",
    -10.0,
    10.0,
    marks=(*(-mark for mark in reversed(_MARKS)), 0.0, *_MARKS),
    main=True,
)
#: Without labels x itself keeps everything already, so that only destroying it changes anything.
DESTROYS = Field(
    "MI weight w: keep … destroy information",
    "How much the information in x̃ counts against the length of δ: the larger, the more of it the attack "
    "destroys. With 0 it has nothing to do: x itself is rebuilt as well as x.",
    0.0,
    10.0,
    marks=(0.0, *_MARKS),
    main=True,
)


SUITE: dict[str, Field] = {
    "targets": Field(
        "Targets",
        "How many other classes APGD-T and FAB-T aim at, the most likely first. Published: 9.",
        1,
        100,
        1,
        main=True,
    ),
    "queries": Field(
        "Queries of Square", "Random squares at most. Published: 5000.", 1, 10_000, 100, main=True
    ),
    "gamma": Field(
        "Change of the norm γ: ν ← (1 ∓ γ) ν",
        "δ is made so much shorter after a success, so much longer otherwise.",
        0.001,
        0.5,
        0.01,
        main=True,
    ),
    "first_norm": Field("First norm ν", "Length of δ in the first step.", 0.001, 100.0, 0.1),
    "momentum": Field(
        "Momentum μ: m ← μ m + g / ‖g‖₁",
        "How much of the earlier gradients is kept. Published: 1.",
        0.0,
        2.0,
        0.1,
    ),
    "kernel": Field(
        "Side of the smoothing kernel W",
        "Odd, pixels; 1 does not smooth. Published: 15.",
        1,
        63,
        2,
        main=True,
    ),
    "sigma": Field(
        "Width σ of W", "Standard deviation of the Gaussian, pixels. Published: 3.", 0.1, 30.0, 0.5
    ),
    "diversity": Field(
        "Input diversity p",
        "Probability that a step's gradient is taken at a shrunk image. Published: 0.5.",
        0.0,
        1.0,
        0.05,
        slider=True,
        main=True,
    ),
    "resize_rate": Field(
        "Smallest size", "Of a shrunk image, in parts of its own size.", 0.1, 0.99, 0.05, main=True
    ),
    "window": Field("Window k×k", "Mass moves inside it; odd, pixels. Published: 5.", 3, 15, 2, main=True),
}

OWN: dict[str, dict[str, Field]] = {
    "minmax-solver": {
        "mi_weight": _WEIGHT,
        "steps": _STEPS,
        "aim": Field(
            "Safety margin a: f ≤ −a · scale",
            "How far beyond the border the attack goes. Empty: 0.1 supervised, 0.02 unsupervised.",
            0.0,
            10.0,
            0.01,
        ),
    },
    "cw": {
        "eps": _LENGTH,
        "steps": _STEPS,
        "step_size": Field("Adam's step", "Grey levels. Published: 0.01.", 1e-5, 1.0, 0.001),
    },
    "ddn": {"eps": _LENGTH, "steps": _STEPS},
    "ti-dim": {"steps": _STEPS},
    "autoattack": {"steps": _STEPS},
    "fwa": {
        "steps": _STEPS,
        "eps": Field(
            "Budget ε: W₁(x, x̃) ≤ ε Σx",
            "On average a unit of brightness moves at most so many pixels.",
            0.0,
            2.0,
            0.01,
            slider=True,
            main=True,
        ),
        "step_size": Field("Step γ", "Empty: 2/(t+2), as Frank and Wolfe. NAMID: 0.007.", 1e-5, 1.0, 0.001),
    },
}
