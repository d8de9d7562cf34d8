"""Options that name a model or data of one's own, the same for every command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from advmi_core import data, models
from advmi_core.validate import number_from

MODEL_HELP = "A model with weights here (see `advmi models list`), or FILE.py:FUNCTION."
Data = Annotated[
    str | None,
    typer.Option(
        "--data", help="Images of another set or of your own: a name, folder, zip, CSV of labels or IDX file."
    ),
]
Shape = Annotated[str | None, typer.Option(help="C,H,W of a model of one's own, such as 3,224,224.")]
Mean = Annotated[str | None, typer.Option(help="By which it normalises: one number a channel, or one.")]
Std = Annotated[str | None, typer.Option(help="As --mean.")]


def own_model(
    model: str, shape: str | None = None, mean: str | None = None, std: str | None = None, dataset: str = ""
) -> str:
    """The name by which a model is loaded; one of FILE.py:FUNCTION is registered.

    Raises:
        ValueError: it cannot be built, or an option does not fit it.
    """
    given = [
        option for option, value in (("shape", shape), ("mean", mean), ("std", std)) if value is not None
    ]
    if not models.is_reference(model):
        if given:
            raise ValueError(f"--{given[0]} is of a model FILE.py:FUNCTION, {model} says its own")
        return f"{model}@{dataset}" if dataset and model in models.MODELS else model
    sides = tuple(int(value) if value.is_integer() else 0 for value in _numbers(shape, "shape"))
    if shape is not None and len(sides) != 3:
        raise ValueError(f"--shape must be C,H,W such as 3,224,224, got {shape!r}")
    facts = models.Facts(
        shape=(sides[0], sides[1], sides[2]) if sides else None,
        mean=_numbers(mean, "mean"),
        std=_numbers(std, "std"),
    )
    return models.register(model, facts).name


def own_inputs(
    model: str, images: str | None, dataset: str, shape: str | None, mean: str | None, std: str | None
) -> tuple[str, str]:
    """The names of model and images as a study takes them; weights of ``dataset``, also on other images.

    Raises:
        ValueError: as ``own_model`` and ``own_data``.
    """
    trained_on = "" if images is None else dataset
    return own_model(model, shape, mean, std, trained_on), dataset if images is None else own_data(images)


def own_data(given: str) -> str:
    """The name by which images are loaded; a path is registered.

    Raises:
        ValueError: there is nothing, or no picture in it.
    """
    try:
        data.check_name(given)
    except ValueError:
        if not Path(given).expanduser().exists():
            raise ValueError(
                f"--data must be a folder, zip, CSV or IDX file that is there, or the name of a data set "
                f"({', '.join(choice.name for choice in data.choices())}), got {given!r}"
            ) from None
        return data.register(given).name
    return given


def _numbers(text: str | None, option: str) -> tuple[float, ...]:
    try:
        return tuple(number_from(part) for part in text.split(",")) if text is not None else ()
    except ValueError:
        raise ValueError(f"--{option} must be numbers with commas between them, got {text!r}") from None
