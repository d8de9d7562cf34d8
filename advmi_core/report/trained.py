"""Page of the trained models that AdvMI ships, from their cards."""

from __future__ import annotations

from typing import Any

from advmi_core import models
from advmi_core.figures.text import signed
from advmi_core.models import zoo
from advmi_core.report.markdown import bullets, page, section, table

_METRICS = {
    "accuracy": ("accuracy, %", 100.0, 2),
    "cross_entropy": ("cross entropy, nats", 1.0, 3),
    "mse": ("squared error per pixel, 10⁻³", 1e3, 2),
}


def shipped_models() -> str:
    """The page."""
    return page(
        "Models",
        "The weights that come with AdvMI, measured on the test images of their data set by the training "
        "that made them; each card lies beside its weights in `assets/weights`.",
        *(_of(dataset, names) for dataset, names in models.available().items()),
        section(
            "ImageNet",
            table([_foreign(card) for card in zoo.cards(fetched=False)]),
            "Trained by others; `advmi models list` shows it, `advmi models get NAME` fetches any other.",
        ),
    )


def _foreign(card: dict[str, Any]) -> dict[str, str]:
    return {
        "model": card["model"],
        "network": f"`{card['architecture']}`",
        "parameters": f"{card['parameters']:,}",
        "licence": card["licence"],
        "source": card["source"],
    }


def _of(dataset: str, names: tuple[str, ...]) -> str:
    cards = {name: models.load(name, dataset=dataset, device="cpu").card for name in names}
    notes = dict.fromkeys(card["dataset"]["note"] for card in cards.values() if card["dataset"]["note"])
    return section(
        dataset,
        table([_line(name, card) for name, card in cards.items()]),
        *(f"{note[0].upper()}{note[1:]}." for note in notes),
        "Trained by:",
        bullets([f"{name}: `{card['command']}`" for name, card in cards.items()]),
    )


def _line(name: str, card: dict[str, Any]) -> dict[str, str]:
    images, metrics = card["dataset"], card["metrics"]
    return {
        "model": name,
        "parameters": f"{card['parameters']:,}",
        "training images": f"{images['training_images']:,}",
        "test images": f"{images['test_images']:,}",
        "epoch": str(card["validation"]["epoch"]),
        **{
            title: signed(scale * metrics[key], digits).lstrip("+") if key in metrics else "–"
            for key, (title, scale, digits) in _METRICS.items()
        },
    }
