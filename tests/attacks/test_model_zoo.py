"""The model under attack runs as its author wrote it, whatever that is."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from model_zoo import MODELS, zoo_model
from models_for_tests import images, small_classifier
from torch import nn

from advmi_core import data, models
from advmi_core.attacks import ATTACKS, MinMax
from advmi_core.objectives import Classification, Objective, Reconstruction

SETTINGS: dict[str, dict] = {
    "minmax": {"alpha": 0.3, "beta": 1.0},
    "penalty": {"alpha": 0.3, "first_c": 1.0, "searches": 2},
    "cw": {"step_size": 0.05, "first_c": 10.0, "searches": 2},
    "autoattack": {"targets": 2, "queries": 10},
    "ti-dim": {"step_size": 0.05, "kernel": 3},
    "ddn": {"eps": 2.0},
    "fwa": {"eps": 1.0},
}


@pytest.mark.fault("A2")
@pytest.mark.parametrize("attack", sorted(ATTACKS))
@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_attack_takes_it_and_its_verdict_is_the_author_s(name: str, attack: str) -> None:
    model, x = zoo_model(name).eval(), images(3)
    with torch.no_grad():
        y = model(x).argmax(1)
    for count in (1, 3):
        how = ATTACKS[attack](**{"steps": 6, "eps": 0.4, "mi_steps": 0, **SETTINGS.get(attack, {})})
        result = how(Classification(model, y[:count]), x[:count])
        with torch.no_grad():
            assert torch.equal(result.success, model(result.x_adv).argmax(1) != y[:count])
        assert torch.isfinite(result.x_adv).all()
        assert result.output_adv.dtype == torch.float32
        criterion = result.history["criterion"]
        assert (np.nanmax(criterion, axis=0) > np.nanmin(criterion, axis=0)).any()


@pytest.mark.fault("A2")
@pytest.mark.parametrize("name", sorted(MODELS))
def test_it_is_run_and_measured_layer_by_layer_as_written(name: str) -> None:
    """Hooks of the author's see the same layers with the same outputs, in his model and under attack."""
    model, x = zoo_model(name).eval(), images(3)
    seen: list[tuple[type, torch.Tensor]] = []
    layers = [] if isinstance(model, torch.jit.ScriptModule) else list(model.modules())
    for layer in layers:
        layer.register_forward_hook(lambda layer, _, output: seen.append((type(layer), output)))
    with torch.no_grad():
        wanted = model(x)
        author, seen[:] = list(seen), []
        objective = Classification(model, wanted.argmax(1))
        output = objective.forward(x)[0]
    assert torch.equal(output, wanted.float())
    assert [kind for kind, _ in seen] == [kind for kind, _ in author]
    if layers:
        assert not any("forward" in vars(layer) for layer in objective.model.modules())


def test_a_model_without_maps_of_its_own_has_other_samples() -> None:
    """Stacked with its mirror image, an image has no feature maps of its own: the term takes projections."""
    x, y = images(3), torch.tensor([0, 1, 2])
    for name, has in (("mirrored", False), ("mirrored twice", True), ("one by one", False), ("half", True)):
        objective = Classification(zoo_model(name), y)
        objective.on(x)
        assert objective.has_maps is has, name
    result = MinMax.published(steps=3, mi_steps=0)(Classification(zoo_model("mirrored"), y), x)
    assert torch.isfinite(result.mi_loop).all()
    with pytest.raises(ValueError, match="needs a model that starts with one"):
        Classification(zoo_model("mirrored"), y).features(x)


def test_a_model_that_cannot_be_copied_is_refused_in_a_sentence() -> None:
    class Locked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.generator = (number for number in range(3))

    with pytest.raises(ValueError, match="model must be one that"):
        Classification(Locked(), torch.tensor([0]))


def test_the_caller_s_model_stays_as_it_was() -> None:
    for name in ("weight norm", "spectral norm"):
        model = zoo_model(name).train()
        before = copy.deepcopy(model.state_dict())
        MinMax.published(steps=2, mi_steps=0)(Classification(model, torch.tensor([0, 1, 2])), images(3))
        assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
        assert model.training


# The sign of a momentum that crosses 0 follows the last bits of the model's gradient, which a CPU sums in
# another order for one image than for several; a flipped pixel then goes its own way. A walk along the border
# meets every kink of the model on its way, where last bits decide which side's gradient it follows.
#
# PGD meets one now and then. Of 64 images on each of these models three end elsewhere alone than among 64:
# two by a ReLU or a max-pool that was within 10⁻⁶ of switching (at the same x̃ the gradient then differs by a
# hundredth of itself), one by a pixel whose slope was 10⁻⁸ of the largest. None of them is among these.
FOLLOWS_LAST_BITS = {"ti-dim", "minmax-solver"}
SHIPPED = ("cnn", "ae-conv", "ae-dense")


@pytest.mark.parametrize("attack", sorted(ATTACKS))
@pytest.mark.parametrize("name", SHIPPED)
def test_a_row_is_the_same_alone_and_among_others(name: str, attack: str) -> None:
    """Forty steps on the shipped models, fifteen with projections: the same verdict and, up to rounding, the
    same values."""
    shown, model = data.load("fashion-mnist", split="test"), models.load(name)
    labels = attack in ("autoattack", "fwa", "ti-dim")
    if labels and name != "cnn":
        pytest.skip(f"{attack} needs a classifier")
    how = {"loss": "margin"} if attack == "ddn" and name != "cnn" else {}
    small = {
        "autoattack": {"steps": 5, "queries": 40, "targets": 2},
        "penalty": {"searches": 1},
        "cw": {"searches": 1},
    }
    if name == "ae-dense":  # without a convolution the samples of a step are 500 projections of each image
        small |= {"minmax": {"steps": 15}, "penalty": {"searches": 1, "steps": 15}}
    run = ATTACKS[attack](**{"steps": 40, "mi_steps": 20, **small.get(attack, {}), **how})

    def attacked(first: int, last: int):
        part = slice(first, last)
        objective: Objective = Reconstruction(model)
        if name == "cnn":
            objective = Classification(model, shown.y[part])
        return run(objective, shown.x[part], rows=range(first, last))

    whole = attacked(0, 4)
    for first, last in ((1, 2), (2, 4)):
        some = attacked(first, last)
        assert torch.equal(some.success, whole.success[first:last])
        if attack in FOLLOWS_LAST_BITS:
            continue
        for values, all_values in ((some.x_adv, whole.x_adv), (some.mi, whole.mi)):
            torch.testing.assert_close(values, all_values[first:last], rtol=0, atol=1e-4, equal_nan=True)


def test_dropout_and_training_mode_of_the_caller_do_not_reach_the_attack() -> None:
    model, x = small_classifier().train(), images(3)
    objective = Classification(model, torch.tensor([0, 1, 2]))
    assert torch.equal(objective.forward(x)[0], copy.deepcopy(model).eval()(x))
