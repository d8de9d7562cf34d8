"""Models of one's own: FILE.py:FUNCTION, or an entry point ``advmi.models`` of an installed package.

Only who starts the program names code. ``register`` notes it in the environment, which the app's server and
the workers of a sweep inherit; a page can only choose among what is noted there.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import nn

from advmi_core.models.wrapped import Facts, Wrapped, wrap
from advmi_core.outputs import first_line

VARIABLE = "ADVMI_MODELS"
"""Environment variable with what is registered, as JSON."""
GROUP = "advmi.models"
"""Entry points of installed packages: name → function that returns a module."""
PREFIX = "own-"
_REFERENCE = re.compile(r"(?P<file>.+\.py):(?P<function>[A-Za-z_]\w*)")
_SEED = 0


@dataclass(frozen=True)
class OwnModel:
    """A registered model.

    Attributes:
        name: by which it is loaded, FUNCTION and the first digits of its hash.
        file, function: where its code lies.
        facts: what the person said of it.
    """

    name: str
    file: str
    function: str
    facts: Facts = field(default_factory=Facts)

    @property
    def title(self) -> str:
        """The name for people."""
        return f"{self.function} ({Path(self.file).name}, your own)"


def is_reference(text: str) -> bool:
    """Whether a text has the form FILE.py:FUNCTION."""
    return _REFERENCE.fullmatch(text) is not None


def register(reference: str, facts: Facts | None = None) -> Wrapped:
    """Run FILE.py:FUNCTION, and note it so that this program and those that it starts load it by its name.

    Args:
        reference: FILE.py:FUNCTION; FUNCTION takes nothing and returns a module.
        facts: what the module does not say itself.

    Returns:
        The network; its ``name`` is what ``load`` takes from now on.

    Raises:
        ValueError: no such file or function, an error in it, or ``wrap`` refuses what it returns.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError(f"a model of one's own is named FILE.py:FUNCTION, got {reference!r}")
    path, function = Path(found["file"]).expanduser().absolute(), found["function"]
    facts = facts or Facts()
    network = _from_file(path, function, function, facts)
    network.name = f"{PREFIX}{function}-{network.card['sha256'][:8]}"
    network.card["model"] = network.name
    noted = OwnModel(network.name, str(path), function, facts)
    others = [own for own in registered().values() if own.name != noted.name]
    os.environ[VARIABLE] = json.dumps([asdict(own) for own in (*others, noted)])
    return network


def registered() -> dict[str, OwnModel]:
    """The models that were registered for this program, by name."""
    text = os.environ.get(VARIABLE, "")
    return dict(_read(text)) if text else {}


@cache  # to look through all that is installed takes a twentieth of a second
def entry_points() -> dict[str, metadata.EntryPoint]:
    """The models that installed packages offer, by name."""
    return {point.name: point for point in metadata.entry_points(group=GROUP)}


def load(name: str) -> Wrapped | None:
    """The registered model or entry point of this name, built anew; None if there is none.

    Raises:
        ValueError: it is registered but cannot be built, or is not what it was when it was registered.
    """
    if (own := registered().get(name)) is not None:
        network = _from_file(Path(own.file), own.function, name, own.facts)
        if not name.endswith(f"-{network.card['sha256'][:8]}"):
            raise ValueError(
                f"{own.function} of {own.file} is not the model that was registered as {name}: start anew, "
                "and let it return the same weights each time"
            )
        return network
    if name.startswith(PREFIX):
        raise ValueError(
            f"{name} is a model of one's own that this program was not started with: start it with --model "
            "FILE.py:FUNCTION"
        )
    if (point := entry_points().get(name)) is not None:
        return wrap(_called(_loaded(point), name), name)
    return None


def _loaded(point: metadata.EntryPoint) -> Callable[[], Any]:
    try:
        build: Callable[[], Any] = point.load()
    except Exception as error:  # whatever somebody's package raises
        raise ValueError(f"{point.value} cannot be loaded: {first_line(error)}") from error
    return build


def _from_file(path: Path, function: str, name: str, facts: Facts) -> Wrapped:
    if not path.is_file():
        raise ValueError(f"{path} does not exist; a model of one's own is named FILE.py:FUNCTION")
    text = path.read_bytes()
    build = getattr(_module(path, hashlib.sha256(text).hexdigest()), function, None)
    if not callable(build):
        raise ValueError(f"{path} has no function {function}")
    return wrap(
        _called(build, f"{path.name}:{function}"), name, facts, origin=text.decode("utf-8", "replace")
    )


@lru_cache(maxsize=16)
def _module(path: Path, digest: str) -> Any:
    """The file as a module of a name of its own, its folder on the path as Python would put it."""
    name = f"advmi_own_{digest[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and scripted modules look
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever somebody's file raises
        del sys.modules[name]
        raise ValueError(f"{path} cannot be run: {first_line(error)}") from error
    return module


def _called(build: Callable[[], Any], what: str) -> Any:
    """What the function returns, with weights that are the same in every process."""
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_SEED)
            built = build()
    except Exception as error:  # whatever somebody's function raises
        raise ValueError(f"{what} failed: {first_line(error)}") from error
    if not isinstance(built, nn.Module):
        raise ValueError(f"{what} must return a torch.nn.Module, got {type(built).__name__}")
    return built


@lru_cache(maxsize=4)
def _read(text: str) -> tuple[tuple[str, OwnModel], ...]:
    found = []
    try:
        for entry in json.loads(text):
            given: dict[str, Any] = {key: value and tuple(value) for key, value in entry["facts"].items()}
            own = OwnModel(entry["name"], entry["file"], entry["function"], Facts(**given))
            found.append((own.name, own))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{VARIABLE} is not what `advmi` writes into it: {error}") from error
    return tuple(found)
