"""A parameter is told once: the check, the range of a form and the words of its choices agree."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from advmi_core.attacks import ATTACKS
from advmi_core.attacks.core.mi_term import MI_TERMS
from advmi_core.augmentation import Augmentation
from advmi_core.defenses.estimator_spec import EstimatorSpec
from advmi_core.defenses.spec import DefenseSpec
from advmi_core.fields import Field, Parameter, check_fields, parameter, parameters
from advmi_core.mi.bounds import BOUNDS
from advmi_core.mi.critics import PRESETS
from advmi_core.mi.dataset.tasks import TASKS
from advmi_core.mi.pairs import PAIRS
from advmi_core.models.training.spec import TrainSpec
from advmi_core.studies.autoencoders import RetrainingStudy
from advmi_core.studies.critics.live import BoundComparison
from advmi_core.studies.critics.overshoot import SampleSizeSweep
from advmi_core.studies.defence import DefenceStudy
from advmi_core.studies.plane import Plane

RECORDS = [
    *ATTACKS.values(), Augmentation, BoundComparison, DefenceStudy, DefenseSpec, EstimatorSpec, Plane,
    RetrainingStudy, SampleSizeSweep, TrainSpec,
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Base:
    rate: Annotated[float, Field("Rate η", low=0, high=1, above=True, below=True)] = 0.5
    side: Annotated[int | None, Field("Side", odd=True)] = None
    loud: Annotated[bool, Field("Loud")] = False
    mood: Literal["calm", "wild"] = "calm"
    note: str = ""

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class Derived(Base):
    rate: float = 0.25


def test_another_default_keeps_what_is_said_of_the_field() -> None:
    assert parameter(Derived, "rate") == Parameter("rate", float, 0.25, False, parameter(Base, "rate").field)
    assert [each.name for each in parameters(Derived)] == ["rate", "side", "loud", "mood"]
    assert Derived(rate=np.float32(0.5), side=np.int64(3)) == Derived(rate=0.5, side=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rate": 0}, "^rate must be > 0 and < 1, got 0$"),
        ({"rate": 1.0}, "^rate must be > 0 and < 1, got 1.0$"),
        ({"rate": None}, "^rate must be a finite number, got None$"),
        ({"side": 0}, "^side must be a whole number ≥ 1, got 0$"),
        ({"side": 4}, "^side must be odd, got 4$"),
        ({"loud": 1}, "^loud must be True or False, got 1$"),
        ({"mood": "grim"}, "^mood must be one of calm, wild, got 'grim'$"),
    ],
)
@pytest.mark.parametrize("record", [Base, Derived])
def test_a_refusal_says_what_was_seen_and_what_was_wanted(
    record: type, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        record(**given)


@pytest.mark.parametrize("record", RECORDS)
def test_defaults_and_ends_of_what_a_form_offers_are_allowed(record: type) -> None:
    for each in parameters(record):
        if not each.described:
            continue
        ends = [] if each.field.offered is None else [*map(each.kind, each.field.offered)]
        default = [] if each.default is MISSING else [each.default]
        for value in (*ends, *default, *each.field.marks, *each.field.choices):
            each.check(value)


def test_the_choices_are_those_that_there_are() -> None:
    published = {each.name: each.field.choices for each in parameters(ATTACKS["minmax"])}
    assert tuple(published["mi"]) == tuple(MI_TERMS)
    assert tuple(published["bound"]) == ("auto", *BOUNDS)
    assert tuple(published["pairs"]) == tuple(PAIRS)
    assert set(published["critic"]) == set(PRESETS)
    assert tuple(parameter(BoundComparison, "task").field.choices) == tuple(TASKS)
