"""Checks of this installation and of a model: what is there, what is missing or odd, and what helps."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

import torch
from rich.table import Table

import advmi_core
from advmi_core import data, device, models, paths
from advmi_core.cli.console import people, say, show
from advmi_core.evaluation.checkup import MOST, check_model

PACKAGES = ("torch", "torchvision", "streamlit", "plotly", "matplotlib", "numpy", "safetensors", "typer")


def examine() -> dict[str, Any]:
    """JSON-serialisable facts: versions, device, data, weights, and advice where something is missing."""
    facts: dict[str, Any] = {
        "advmi": advmi_core.__version__,
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "device": _device(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "app": (paths.app_root() / "app.py").is_file(),
        "data": {name: _splits(name) for name in data.NAMES},
        "weights": _weights(),
    }
    facts["advice"] = _advice(facts)
    return facts


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _device() -> str:
    """What app and commands compute on unless told otherwise, or why they cannot."""
    try:
        return device.describe(device.pick())
    except ValueError as error:  # of the environment variable
        return str(error)


def _splits(name: str) -> dict[str, str | None]:
    """Split → where it would be loaded from, with a remark; None if it is nowhere."""
    found: dict[str, str | None] = dict.fromkeys(data.SPLITS)
    for status in data.available(name):
        if status.used:
            found[status.split] = f"{status.source} ({status.note})" if status.note else status.source
    return found


def _weights() -> dict[str, dict[str, str]]:
    """Data set → model → "ok" or what is wrong with its file."""
    report: dict[str, dict[str, str]] = {}
    for dataset, names in models.available().items():
        report[dataset] = {}
        for name in names:
            try:
                models.load(name, dataset)
                report[dataset][name] = "ok"
            except ValueError as error:
                report[dataset][name] = str(error)
    return report


def _advice(facts: dict[str, Any]) -> list[str]:
    advice = []
    if paths.cache().exists() and not paths.cache().is_dir():
        advice.append(
            f"{paths.cache()} is a file, a folder is wanted: set ADVMI_CACHE to a folder, or unset it."
        )
    for name, splits in facts["data"].items():
        missing = [split for split, source in splits.items() if source is None]
        if missing:
            how = data.CATALOG[name].origin or f"run `advmi data get {name}`"
            advice.append(
                f"{name} ({', '.join(missing)}) is not here: {how}, or point ADVMI_DATA to a folder that "
                "holds it."
            )
    for package, version in facts["versions"].items():
        if version is None:
            advice.append(f"The package {package} is missing: run `pip install {package}`.")
    if not facts["app"]:
        advice.append("app.py is missing: install AdvMI anew with `pip install .` from its source folder.")
    if not facts["weights"]:
        advice.append("No trained weights are here: install AdvMI anew, or run `advmi train`.")
    for dataset, models_ in facts["weights"].items():
        for name, state in models_.items():
            if state != "ok":
                advice.append(
                    f"The weights of {name} for {dataset} cannot be used ({state}): run `advmi train {name}`."
                )
    return advice


def look_over(model: str, images: str | None, place: str, as_json: bool) -> None:
    """Print what is found of a model, on images of this name where given.

    Raises:
        ValueError: it is not here, or cannot be attacked at all.
    """
    network = models.load(model, device=place)
    chosen = None if images is None else data.load(images, shape=network.in_shape, limit=MOST)
    found = check_model(network, chosen)
    notes = () if chosen is None else chosen.notes
    if as_json:
        say({**found.facts, "trouble": list(found.trouble), "notes": list(notes)})
        return
    facts = found.facts
    table = Table(title=f"{facts['model']}, looked over", show_header=False)
    table.add_row("kind", facts["kind"] + (f" of {facts['classes']} classes" if facts["classes"] else ""))
    table.add_row("images", "×".join(map(str, facts["shape"])) + ", values in [0,1]")
    table.add_row("output from … to", "{:.4g} … {:.4g}".format(*facts["output"]))
    table.add_row("parameters", f"{facts['parameters']:,}")
    table.add_row("sha256", str(facts["sha256"]))
    for name, value in facts["metrics"].items():
        table.add_row(f"{name.replace('_', ' ')}, {facts['images']} images", f"{value:.4g}")
    show(table)
    for line in (*notes, *(found.trouble or ("Nothing is odd about it.",))):
        people.print(line, highlight=False, soft_wrap=True)
