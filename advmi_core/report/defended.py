"""Page of the defences: their tables under attack, and what NAMID's term does to one model."""

from __future__ import annotations

from itertools import product

from advmi_core.attacks.core.ball import NORMS
from advmi_core.data import NAMES
from advmi_core.figures.robustness import (
    table as robustness_table,
)
from advmi_core.figures.robustness import (
    term as robustness_term,
)
from advmi_core.figures.robustness import (
    text as robustness_words,
)
from advmi_core.report.markdown import bullets, page, section, table
from advmi_core.studies import shipped
from advmi_core.studies.robustness import KINDS, RobustnessResult, stored

_TITLES = {"whitebox": "White box", "blackbox": "Black box", "ablation": "NAMID without its pieces"}
_EXTRA = {"whitebox": "", "ablation": "", "blackbox": " --surrogate MODEL --surrogate-weights FILE"}


def defences() -> str:
    """The page."""
    measured = [
        stored.load(kind, dataset, norm)
        for kind, dataset, norm in product(KINDS, NAMES, NORMS)
        if f"{kind}-{norm}" in stored.available(dataset)
    ]
    terms = (shipped.read(name, {"spec", "rows"}) for name in shipped.names("namid-late"))
    return page(
        "Defences",
        "Right answers in percent of the images that a column names, mean ± standard deviation over the "
        "seeds. Seeds are trainings and are not pooled: intervals are over images. Columns called published "
        "are the paper's [[NAMID]](../references.md#namid), of another data set and a larger model, and were "
        "not measured here. What is not here was not measured.",
        *(_robustness(result) for result in measured),
        _term([study for study in terms if study and robustness_term.fits(study)]),
    )


def _robustness(result: RobustnessResult) -> str:
    spec, lines = result.spec, result.table()
    _, heading, text = robustness_words.verdict(result)
    norm = {"linf": "L∞", "l2": "L2"}[spec["norm"]]
    where = f"{_TITLES[spec['kind']]}, {spec['dataset']}, {norm}, ε = {spec['eps']:.4g}"
    made_on = f"x̃ was made on {spec['surrogate']['model']}." if spec["surrogate"] else ""
    command = f"advmi table {spec['kind']}"
    return section(
        where,
        f"{robustness_words.trained(result)} {made_on}".strip(),
        f"**{heading}.** {text}",
        table(robustness_table.wide(lines)),
        robustness_words.beside_autoattack(result),
        bullets([f"Doubt: {sentence}." for sentence in result.doubts()]),
        "Difference to the baseline of the same seed on the same images, points [95 %], ● without 0:",
        table(robustness_table.differences(lines)),
        f"Made by `{command} --run --trained DIR{_EXTRA[spec['kind']]}` on models that "
        f"`advmi train-defences --out DIR` trained; `{command}` prints it.",
    )


def _term(studies: list[shipped.Table]) -> str:
    if not studies:
        return ""
    _, heading, text = robustness_term.said(studies)
    parts: list[str] = []
    for study in studies:
        budget, measured = robustness_term.budget(study), robustness_term.measured(study)
        parts += [f"### {budget[0].upper()}{budget[1:]}", f"{measured[0].upper()}{measured[1:]}."]
        parts.append(table(robustness_term.table(study)))
    return section("NAMID's term alone", f"**{heading}.** {text}", *parts, robustness_term.CAPTION)
