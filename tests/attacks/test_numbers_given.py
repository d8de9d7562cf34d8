"""Numbers as people and NumPy give them, and what is said of those that cannot be."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from models_for_tests import images, small_classifier

from advmi_core.attacks import ATTACKS, PGD, AutoAttack
from advmi_core.objectives import Classification
from advmi_core.validate import check_images, number_from

Y = torch.tensor([0, 1, 2])


@pytest.mark.fault("A7")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8/255", 8 / 255),
        (" 8 / 255 ", 8 / 255),
        ("0.031", 0.031),
        ("1e-3", 1e-3),
        ("-1/2", -0.5),
        ("1", 1.0),
    ],
)
def test_a_number_may_be_written_as_a_fraction(text: str, value: float) -> None:
    assert number_from(text) == value


@pytest.mark.fault("A7")
@pytest.mark.parametrize("text", ["", "eight", "8/0", "1/2/3", "8/", "nan", "inf", "1e999", "0,3"])
def test_what_is_no_number_gets_one_sentence(text: str) -> None:
    wanted = f"a number such as 0.03 or a fraction such as 8/255 is wanted, got {text!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(wanted)}$"):
        number_from(text)


@pytest.mark.fault("A7")
@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_numpy_s_numbers_are_stored_as_python_s(name: str) -> None:
    attack = ATTACKS[name](eps=np.float32(0.25), steps=np.int64(3), seed=np.uint8(7), batch_size=np.int32(2))
    spec = attack.spec()
    assert json.loads(json.dumps(spec)) == spec
    assert (type(attack.eps), type(attack.steps), type(attack.seed)) == (float, int, int)
    assert attack == ATTACKS[name](eps=0.25, steps=3, seed=7, batch_size=2)


@pytest.mark.fault("A7")
def test_numpy_s_numbers_go_where_python_s_go() -> None:
    objective = Classification(small_classifier(), Y, kappa=np.float64(0.5))
    attack = AutoAttack(targets=np.int64(1), queries=np.int64(1), steps=1, mi_steps=0)
    result = attack.run(objective, images(), rows=np.arange(3), record_every=np.int64(1)).result
    assert json.loads(json.dumps(result.spec)) == result.spec


@pytest.mark.fault("A7")
@pytest.mark.parametrize("seed", [2**63, 2**64, 2**70])
def test_a_seed_that_no_generator_takes_gets_one_sentence(seed: int) -> None:
    with pytest.raises(ValueError, match=rf"^seed must be a whole number ≥ 0 and < 2\^63, got {seed}$"):
        PGD(seed=seed)


@pytest.mark.fault("A7")
def test_the_largest_seed_works() -> None:
    result = PGD(seed=2**63 - 1, steps=1, mi_steps=1)(Classification(small_classifier(), Y), images())
    assert torch.isfinite(result.x_adv).all()


@pytest.mark.fault("A7")
def test_images_that_leave_the_box_by_rounding_are_told_apart_from_it() -> None:
    x = images()
    x[0, 0, 0, 0] = 1 + 1e-6
    seen = "x must lie in [0,1], got values in [0, 1.00000095], 9.5e-07 outside; x.clamp(0, 1) mends rounding"
    with pytest.raises(ValueError, match=f"^{re.escape(seen)}$"):
        check_images(x)
    with pytest.raises(ValueError, match=r"^x must lie in \[0,1\], got values in \[0, 255\]$"):
        check_images(images() * 255)


@pytest.mark.fault("A7")
@pytest.mark.parametrize(("mi_steps", "told"), [(0, 0), (1, 1)])
def test_small_images_are_warned_of_only_where_mi_is_asked_for(mi_steps: int, told: int) -> None:
    x = images(height=6, width=6)
    result = PGD(steps=2, mi_steps=mi_steps)(Classification(small_classifier(height=6, width=6), Y), x)
    assert sum("8×8 pixels" in warning for warning in result.warnings) == told
