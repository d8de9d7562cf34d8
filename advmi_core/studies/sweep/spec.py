"""A sweep as a frozen spec: which methods, at which ε, on which images and model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from advmi_core import __version__, data, models
from advmi_core.attacks import ATTACKS, Attack
from advmi_core.data import SPLITS
from advmi_core.mi.per_image.patches import PatchPreset
from advmi_core.studies.sweep.inputs import Inputs
from advmi_core.validate import check_choice, check_count, check_number

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_OF_THE_SWEEP = ("eps", "seed")
_FORMAT = 2  # of a run's files


@dataclass(frozen=True)
class Cell:
    """One point of a sweep: a method's label and a radius ε."""

    method: str
    eps: float

    @property
    def id(self) -> str:
        """Its name, fit for a file's name, as in ``minmax-eps0.3``."""
        return f"{self.method}-eps{self.eps:.12g}"


@dataclass(frozen=True, kw_only=True)
class Method:
    """An attack with its parameters, at several ε.

    Attributes:
        name: the label, unique in a sweep: up to 64 letters, digits, ``-`` and ``_``.
        attack: key of ``ATTACKS``.
        parameters: of the attack, other than eps and seed, JSON-serialisable.
        eps: different radii ε ≥ 0, in pixel units.

    Raises:
        ValueError: a value is not as stated, or the attack does not take it.
    """

    name: str
    attack: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    eps: tuple[float, ...] = (0.3,)

    def __post_init__(self) -> None:
        check_name(self.name, "a method's name")
        check_choice(self.attack, "attack", tuple(ATTACKS))
        if not isinstance(self.eps, tuple) or not self.eps:
            raise ValueError(f"eps must be a tuple of different radii, at least one, got {self.eps!r}")
        for eps in self.eps:
            check_number(eps, "eps", low=0)
        if len(set(self.eps)) < len(self.eps):
            raise ValueError(f"eps must be a tuple of different radii, got {self.eps!r}")
        object.__setattr__(self, "eps", tuple(float(eps) for eps in self.eps))
        if not isinstance(self.parameters, Mapping):
            raise ValueError(f"parameters must be a mapping, got {self.parameters!r}")
        object.__setattr__(self, "parameters", dict(self.parameters))
        known = {entry.name for entry in fields(ATTACKS[self.attack])} - set(_OF_THE_SWEEP)
        for name, value in self.parameters.items():
            if name not in known:
                raise ValueError(
                    f"parameters of {self.attack} must be among {', '.join(sorted(known))}, got {name!r}"
                )
            if not isinstance(value, bool | int | float | str | None):
                raise ValueError(f"parameter {name} must be a number, a word, bool or None, got {value!r}")
        self.at(self.eps[0], 0)  # the attack checks the values themselves

    def at(self, eps: float, seed: int) -> Attack:
        """The attack at one ε."""
        return ATTACKS[self.attack](**{**self.parameters, "eps": eps, "seed": seed})

    @property
    def cells(self) -> tuple[Cell, ...]:
        """One a radius."""
        return tuple(Cell(self.name, eps) for eps in self.eps)


@dataclass(frozen=True, kw_only=True)
class SweepSpec:
    """Methods × ε on the first ``n`` images of a split; only images that the model gets right are attacked.

    On the CPU a shard has one thread, so that every executor gives the same bytes; another device gives the
    same up to rounding. An image's row id is its position in the split, so no result depends on the size of
    the shards.

    Attributes:
        name: what people call it, as a method's name; begins the folder's name.
        dataset, split: where the images are from.
        model: a classifier or autoencoder with trained weights.
        n: images, ≥ 1.
        methods: with different names, at least one.
        seed: of all random numbers, ≥ 0.
        shard: images computed and kept at once, ≥ 1.

    Raises:
        ValueError: a value is not as stated.
    """

    name: str = "custom"
    dataset: str = "fashion-mnist"
    split: str = "test"
    model: str = "cnn"
    n: int = 1000
    methods: tuple[Method, ...]
    seed: int = 0
    shard: int = 64

    def __post_init__(self) -> None:
        check_name(self.name, "name")
        data.check_name(self.dataset)
        check_choice(self.split, "split", SPLITS)
        models.check_name(self.model)
        check_count(self.n, "n")
        check_count(self.seed, "seed", low=0)
        check_count(self.shard, "shard")
        if not isinstance(self.methods, tuple) or not self.methods:
            raise ValueError(f"methods must be a tuple of Method, at least one, got {self.methods!r}")
        for method in self.methods:
            if not isinstance(method, Method):
                raise ValueError(f"methods must be a tuple of Method, got {type(method).__name__} in it")
        ids = [cell.id.lower() for cell in self.cells]  # some disks do not tell a from A
        for id_ in ids:
            if ids.count(id_) > 1:
                raise ValueError(f"methods must have different names and radii, got {id_} twice")

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All points, method by method."""
        return tuple(cell for method in self.methods for cell in method.cells)

    def attack(self, cell: Cell) -> Attack:
        """The attack of a cell.

        Raises:
            ValueError: the sweep has no such cell.
        """
        for method in self.methods:
            if cell in method.cells:
                return method.at(cell.eps, self.seed)
        raise ValueError(f"cell must be one of {', '.join(each.id for each in self.cells)}, got {cell!r}")

    def spec(self) -> dict[str, Any]:
        """Everything that the results depend on, JSON-serialisable.

        Raises:
            ValueError: unknown or missing data or weights, or more images than there are.
        """
        return self.spec_of(self.subject())

    def subject(self) -> Inputs:
        """Images and model.

        Raises:
            ValueError: unknown or missing data or weights, or more images than there are.
        """
        return Inputs.load(self.dataset, self.split, self.n, self.model)

    def spec_of(self, subject: Inputs) -> dict[str, Any]:
        """``spec`` where the images and the model are at hand."""
        facts = {
            "sweep": _FORMAT,
            "advmi": __version__,
            **asdict(self),
            "attacks": {cell.id: self.attack(cell).spec() for cell in self.cells},
            "patch_critics": asdict(PatchPreset()),
            "images": subject.images_hash,
            "weights": subject.weights_hash,
        }
        plain: dict[str, Any] = json.loads(json.dumps(facts))  # lists instead of tuples, as a file has them
        return plain

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """The sweep that a spec describes.

        Raises:
            ValueError: it is not a sweep's spec.
        """
        wanted = [entry.name for entry in fields(cls)]
        missing = [name for name in wanted if not isinstance(spec, Mapping) or name not in spec]
        if missing:
            raise ValueError(f"not a sweep's spec: {', '.join(missing)} missing")
        if spec.get("sweep") != _FORMAT:
            raise ValueError("it was measured by another version of AdvMI, in another form; measure it again")
        try:
            methods = tuple(Method(**{**given, "eps": tuple(given["eps"])}) for given in spec["methods"])
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a sweep's spec: methods cannot be read ({error})") from error
        return cls(**{**{name: spec[name] for name in wanted}, "methods": methods})


def check_name(value: object, what: str) -> None:
    """A name that is safe in a file's name."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(
            f"{what} must be up to 64 letters, digits, - and _, the first a letter or digit, got {value!r}"
        )
