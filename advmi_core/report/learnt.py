"""Page of the autoencoders: retraining on UAEs, learned features, and how the UAEs were chosen."""

from __future__ import annotations

from collections.abc import Sequence

from advmi_core.figures.autoencoders import (
    features_table,
    search_table,
)
from advmi_core.figures.autoencoders import (
    shipped as retraining_shipped,
)
from advmi_core.figures.autoencoders import table as retraining_table
from advmi_core.figures.autoencoders.series import (
    PROTOCOL_TITLES,
    models_of,
    of_model,
    protocols_of,
)
from advmi_core.figures.autoencoders.text import bought, start_or_optimisation, verdict
from advmi_core.report.markdown import bullets, page, section, table
from advmi_core.studies import shipped
from advmi_core.studies.autoencoders import RowSummary, stored


def autoencoders() -> str:
    """The page."""
    features = ((name, shipped.read(name, features_table.KEYS)) for name in features_table.STUDIES)
    search = shipped.read("uae-search", search_table.KEYS)
    return page(
        "Autoencoders",
        "Does training on unsupervised adversarial examples (UAEs) help? Losses are squared errors per pixel "
        "on clean images that no training saw, mean ± standard deviation over the seeds; differences are "
        "paired over the seeds with their 95 % interval, and ● marks an interval without 0. Under equal "
        "epochs, whatever is mixed in adds gradient steps as well.",
        *(_retraining(name) for name in stored.available()),
        *(_features(name, found) for name, found in features if found and features_table.fits(found)),
        "" if search is None or not search_table.fits(search) else _search(search),
    )


def _retraining(name: str) -> str:
    result = stored.load(name)
    spec, lines = result.spec, result.table()
    parts: list[str] = []
    named = f"--dataset {spec['dataset']}" + ("" if name == spec["dataset"] else f" --name {name}")
    for model in models_of(lines):
        mine = [line for line in lines if line.model == model]
        protocols = protocols_of(mine)
        said = [": ".join(verdict(mine, model, protocol)) for protocol in protocols]
        said += [text for protocol in protocols if (text := _bought(mine, model, protocol))]
        rows = [
            {key: text for key, text in row.items() if key != "autoencoder"}
            for row in retraining_table.rows(mine)
        ]
        heading = f"### {of_model(model).capitalize()} autoencoder"
        parts += [heading, bullets(said), table(rows), start_or_optimisation(mine, model)]
    return section(
        f"Retraining: {retraining_shipped.title(name)}",
        f"{retraining_shipped.about(result)} `advmi table reconstruction {named}` prints it.",
        f"UAEs of {spec['steps']} iterations at ε = {spec['eps']:g}, target {spec['targets']}.",
        *parts,
    )


def _bought(lines: Sequence[RowSummary], model: str, protocol: str) -> str:
    text = bought(lines, model, protocol)
    return text and f"{PROTOCOL_TITLES[protocol]}: {text[0].lower()}{text[1:]}"


def _features(name: str, found: shipped.Table) -> str:
    heading, _ = features_table.STUDIES[name]
    return section(
        heading,
        bullets([f"{title}. {text}" for title, text in features_table.verdicts(found)]),
        table(features_table.lines(found)),
        features_table.caption(found, name),
    )


def _search(found: shipped.Table) -> str:
    parts: list[str] = []
    for heading, lines in search_table.searches(found).items():
        parts += [f"### {heading}", ". ".join(search_table.said(lines)), table(search_table.rows(lines))]
        parts.append(search_table.caption(found, lines))
    return section("How the UAEs were chosen", *parts)
