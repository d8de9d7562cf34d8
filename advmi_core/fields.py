"""Parameters told once: what a field of a dataclass may hold, and how people meet it.

``eps: Annotated[float, Field("Budget ε", "Largest change.", low=0)] = 0.3`` says all of a parameter. The
check, the form, the command line and the documentation follow from it. A subclass that gives a field another
default need not say it again: ``eps: float = 0.1``.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advmi_core.validate import (
    check_choice,
    check_count,
    check_flag,
    check_number,
    check_numbers,
    plain_fields,
)

Presets = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Field:
    """One parameter as people meet it, and what it may hold.

    Attributes:
        label: with its symbol or formula, beside the control; plain text, for it is read aloud as well.
        help: what it does.
        low, high: bounds of a number; ``above``, ``below``: the bound itself is not allowed. A whole number
            without ``low`` is ≥ 1.
        odd: a whole number must be odd.
        offered: bounds of a form, where it offers less than is allowed.
        step: of the form's control.
        slider: worth a slider.
        marks: the values on offer, where equal steps would not do; others come by links only.
        choices: word → explanation, for parameters that are words.
        main: shown at once; the others wait under "More parameters".
    """

    label: str
    help: str = ""
    low: float = -math.inf
    high: float = math.inf
    step: float = 1.0
    above: bool = False
    below: bool = False
    odd: bool = False
    offered: tuple[float, float] | None = None
    slider: bool = False
    marks: tuple[float, ...] = ()
    choices: Mapping[str, str] = dataclasses.field(default_factory=dict)
    main: bool = False

    @property
    def span(self) -> tuple[float, float]:
        """The least and the largest value that a form offers."""
        return self.offered or (self.low, self.high)

    @property
    def name(self) -> str:
        """The label without its formula."""
        return self.label.partition(":")[0]


class Registered(Mapping[str, str]):
    """The words of a registry as it is now, also those that came after the field was written.

    Args:
        registry: word → entry.
        title: what people call an entry.
    """

    def __init__(self, registry: Mapping[str, Any], title: Callable[[Any], str]) -> None:
        self._registry, self._title = registry, title

    def __getitem__(self, word: str) -> str:
        return self._title(self._registry[word])

    def __iter__(self) -> Iterator[str]:
        return iter(self._registry)

    def __len__(self) -> int:
        return len(self._registry)


SEED = Field("Seed", "The same seed gives the same bytes.", low=0, offered=(0, 2**31 - 1), main=True)


@dataclass(frozen=True)
class Parameter:
    """A field of a dataclass together with what is said of it.

    Attributes:
        name, default: of the field; ``dataclasses.MISSING`` where it has none.
        kind: bool, int, float or str.
        optional: it may be None.
        field: what is said of it; for a field without a word its name.
        described: whether something is.
    """

    name: str
    kind: type
    default: Any
    optional: bool
    field: Field
    described: bool = True

    def check(self, value: Any, by_row: bool = False) -> None:
        """Raise ValueError unless it may hold ``value``; ``by_row``: also a tuple, a number for each row."""
        field, name = self.field, self.name
        if self.optional and value is None:
            return
        if self.kind is bool:
            check_flag(value, name)
        elif self.kind is str:
            check_choice(value, name, tuple(field.choices))
        elif self.kind is int:
            check_count(value, name, low=int(field.low) if math.isfinite(field.low) else 1)
            check_number(value, name, high=field.high)
            if field.odd and value % 2 == 0:
                raise ValueError(f"{name} must be odd, got {value}")
        elif by_row and isinstance(value, tuple):
            check_numbers(value, name, low=field.low)
        else:
            check_number(
                value, name, low=field.low, high=field.high, above=field.above, below=field.below
            )  # fmt: skip


def check_fields(record: object, by_row: Sequence[str] = ()) -> None:
    """Check all described fields of a frozen dataclass; first thing in its ``__post_init__``.

    NumPy's scalars become Python's own. The fields ``by_row`` may hold a number for each row.

    Raises:
        ValueError: a value is not allowed; the sentence says what was seen and what was wanted.
    """
    plain_fields(record, by_row)
    for parameter in parameters(type(record)):
        if parameter.described:
            parameter.check(getattr(record, parameter.name), parameter.name in by_row)


def parameters(record: type) -> tuple[Parameter, ...]:
    """The fields of a dataclass that are a number, a word with choices or a switch, in their order."""
    return _parameters(record)


def parameter(record: type, name: str) -> Parameter:
    """One of them.

    Raises:
        KeyError: there is none of that name.
    """
    return {each.name: each for each in parameters(record)}[name]


def field_of(record: type, name: str) -> Field:
    """What is said of one of them, for another dataclass that has it as well."""
    return parameter(record, name).field


@functools.cache
def _parameters(record: type) -> tuple[Parameter, ...]:
    said = [_annotations(owner) for owner in record.__mro__[:-1]]
    found = (_parameter(each, said) for each in dataclasses.fields(record) if each.init)
    return tuple(parameter for parameter in found if parameter is not None)


@functools.cache
def _annotations(owner: type) -> dict[str, Any]:
    """Of a class alone, without those that it inherits; ``typing.get_type_hints`` would read all again."""
    return inspect.get_annotations(owner, eval_str=True)


def _parameter(each: dataclasses.Field[Any], said: Sequence[Mapping[str, Any]]) -> Parameter | None:
    hints = [own[each.name] for own in said if each.name in own]
    kind, optional, words = _kind(_bare(hints[0]))
    told = next((found for hint in hints if (found := _told(hint))), None)
    field = told or Field(each.name.replace("_", " ").capitalize())
    if words:
        field = dataclasses.replace(field, choices={word: field.choices.get(word, word) for word in words})
    if kind is None or (kind is str and not field.choices):
        return None
    return Parameter(each.name, kind, each.default, optional, field, told is not None or bool(words))


def _bare(hint: Any) -> Any:
    """A type hint without what is said of it."""
    return hint.__origin__ if typing.get_origin(hint) is typing.Annotated else hint


def _told(hint: Any) -> Field | None:
    """What an annotation says of the parameter."""
    return next((extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Field)), None)


def _kind(hint: Any) -> tuple[type | None, bool, Sequence[str]]:
    """(number, word or switch; may be empty; allowed words) of a type hint."""
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return str, False, [str(word) for word in typing.get_args(hint)]
    if origin in (typing.Union, types.UnionType):
        inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        kind, _, words = _kind(float if set(inner) == {int, float} else inner[0])
        return kind, type(None) in typing.get_args(hint), words
    return (hint if hint in (bool, int, float, str) else None), False, ()
