"""What every attack of the registry promises, whatever the norm, the size and the number of images."""

from __future__ import annotations

import copy
import json
import weakref

import pytest
import torch
from models_for_tests import SmallAutoencoder, images, small_classifier
from torch import nn

from advmi_core.attacks import ATTACKS, Attack, AttackResult
from advmi_core.objectives import Classification, Problem, Reconstruction

BALLS = [(name, norm) for name in sorted(ATTACKS) for norm in ATTACKS[name].norms()]
NEED_LABELS = {"autoattack", "fwa", "ti-dim"}
NOTHING_RANDOM = {"cw", "ddn", "fwa", "minmax-solver"}
MANY_CHOICES = {"autoattack", "fwa"}  # where rounding can tip a choice between neighbours

# Larger steps than the defaults where those are made for hundreds of iterations.
BRISK = {
    "minmax": {"alpha": 0.3, "beta": 1.0},
    "penalty": {"alpha": 0.3, "first_c": 1.0, "searches": 2},
    "cw": {"step_size": 0.05, "first_c": 10.0, "searches": 2},
    "ddn": {"loss": "margin"},
    "autoattack": {"targets": 2, "queries": 10},
    "ti-dim": {"step_size": 0.05, "kernel": 3},
}


def _attack(name: str, **parameters) -> Attack:
    return ATTACKS[name](**{"steps": 5, "eps": 0.2, "mi_steps": 0, **BRISK.get(name, {}), **parameters})


def _run(name: str, channels: int = 1, count: int = 3, **parameters) -> tuple[AttackResult, nn.Module]:
    model = small_classifier(channels)
    x = images(count, channels)
    y = copy.deepcopy(model).eval()(x).argmax(1)
    return _attack(name, **parameters)(Classification(model, y), x), model


def _check_inside(result: AttackResult, eps: float, norm: str, quantized: bool = False) -> None:
    x, x_adv = result.x, result.x_adv
    assert x_adv.dtype == torch.float32
    assert x_adv.shape == x.shape
    assert float(x_adv.min()) >= 0
    assert float(x_adv.max()) <= 1
    if norm == "wasserstein":
        _check_moved_mass(x, x_adv, eps)
        return
    delta = (x_adv.double() - x.double()).flatten(1)
    if norm == "linf":
        assert float(delta.abs().max()) <= eps + 1e-7  # float32's rounding
    else:
        assert float(delta.norm(dim=1).max()) <= eps * (1 + 1e-6) + (1e-7 if quantized else 0)


def _check_moved_mass(x: torch.Tensor, x_adv: torch.Tensor, eps: float) -> None:
    """Nothing is lost; along each axis, where the distance is known in closed form, it is at most ε·Σx."""
    x, x_adv = x.double(), x_adv.double()
    mass = x.flatten(1).sum(1)
    torch.testing.assert_close(x_adv.sum((2, 3)), x.sum((2, 3)), rtol=1e-5, atol=1e-5)
    for axis in (2, 3):
        moved = (x_adv - x).sum(axis).cumsum(-1).abs().flatten(1).sum(1)
        assert (moved <= eps * mass + 1e-4).all()


@pytest.mark.parametrize(("name", "norm"), BALLS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("steps", [1, 5])
def test_stays_in_box_and_ball(name: str, norm: str, channels: int, count: int, steps: int) -> None:
    for eps in (0.003, 0.3):
        result, _ = _run(name, channels, count, norm=norm, steps=steps, eps=eps)
        _check_inside(result, eps, norm)
        assert result.success.shape == (count,)
        assert result.history["criterion"].shape == (_attack(name, steps=steps).iterations, count)


@pytest.mark.parametrize(("name", "norm"), BALLS)
def test_eps_zero_is_the_identity(name: str, norm: str) -> None:
    result, _ = _run(name, eps=0.0, norm=norm)
    assert torch.equal(result.x_adv, result.x)
    assert not result.success.any()


@pytest.mark.parametrize(("name", "norm"), BALLS)
def test_success_is_the_model_s_own_verdict_and_failed_rows_are_flagged(name: str, norm: str) -> None:
    verdicts = []
    for eps in (1e-4, 0.02, 0.6):
        result, model = _run(name, count=8, eps=eps, steps=20, norm=norm)
        y = torch.tensor(result.spec["y"])
        fresh = copy.deepcopy(model).eval()(result.x_adv).argmax(1) != y
        assert torch.equal(result.success, fresh)
        failed = ~result.success
        assert (result.criterion[failed] >= 0).all()
        lowest = torch.from_numpy(result.history["criterion"]).amin(0)
        torch.testing.assert_close(result.criterion[failed], lowest[failed], rtol=1e-4, atol=1e-5)
        verdicts += result.success.tolist()
    assert True in verdicts
    assert False in verdicts


@pytest.mark.parametrize(("name", "norm"), BALLS)
def test_quantised_images_survive_a_round_trip_through_8_bits(name: str, norm: str) -> None:
    if norm == "wasserstein":
        with pytest.raises(ValueError, match="quantize must be False"):
            _attack(name, quantize=True)
        return
    result, _ = _run(name, eps=0.1, norm=norm, quantize=True, steps=20)
    levels = (result.x_adv * 255).round().to(torch.uint8)
    assert torch.equal(levels.float() / 255, result.x_adv)
    _check_inside(result, 0.1, norm, quantized=True)
    assert (result.linf > 0).all()


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_touches_nothing_of_the_caller(name: str) -> None:
    model = small_classifier()
    x = images().requires_grad_()
    y = torch.tensor([0, 1, 2])
    before_x, before_y = x.detach().clone(), y.clone()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state, training = torch.get_rng_state(), model.training
    attack = _attack(name)
    parameters = attack.spec()
    attack(Classification(model, y), x)
    assert torch.equal(x.detach(), before_x)
    assert x.requires_grad
    assert x.grad is None
    assert torch.equal(y, before_y)
    assert model.training is training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert attack.spec() == parameters


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_same_seed_same_bytes_other_seed_other_start(name: str) -> None:
    first, again, other = (_run(name, seed=seed, steps=3, mi_steps=3)[0] for seed in (0, 0, 1))
    assert torch.equal(first.x_adv, again.x_adv)
    assert torch.equal(first.mi, again.mi)
    assert torch.equal(first.x_adv, other.x_adv) is (name in NOTHING_RANDOM)


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_a_row_gives_the_same_result_alone_and_in_a_batch(name: str) -> None:
    model, x, ids = small_classifier(), images(4), [5, 2, 9, 0]
    y = copy.deepcopy(model).eval()(x).argmax(1)
    attack = _attack(name, steps=10)
    together = attack(Classification(model, y), x, rows=ids)
    parts = attack.__class__(**{**_fields(attack), "batch_size": 3})(Classification(model, y), x, rows=ids)
    for row, number in enumerate(ids):
        alone = attack(Classification(model, y[row : row + 1]), x[row : row + 1], rows=[number])
        torch.testing.assert_close(alone.x_adv[0], together.x_adv[row], rtol=0, atol=1e-4)
        torch.testing.assert_close(parts.x_adv[row], together.x_adv[row], rtol=0, atol=1e-4)


def _fields(attack: Attack) -> dict:
    return {key: value for key, value in attack.spec().items() if key != "attack"}


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_a_model_without_gradient_fails_politely(name: str) -> None:
    class Constant(nn.Module):
        def forward(self, x):
            return (x * 0).flatten(1)[:, :3] + torch.tensor([0.0, 1.0, 2.0])

    result = _attack(name)(Classification(Constant(), torch.tensor([2, 2])), images(2))
    assert not result.success.any()
    assert torch.isfinite(result.x_adv).all()


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_targeted_success_is_the_target(name: str) -> None:
    model = small_classifier()
    x = images(6)
    y = copy.deepcopy(model).eval()(x).argmax(1)
    target = (y + 1) % 5
    eps = 0.6 if "linf" in ATTACKS[name].norms() else 6.0
    result = _attack(name, eps=eps, steps=40)(Classification(model, y, target=target), x)
    fresh = copy.deepcopy(model).eval()(result.x_adv).argmax(1)
    assert torch.equal(result.success, fresh == target)
    assert result.success.any()


@pytest.mark.parametrize("name", sorted(ATTACKS))
@pytest.mark.parametrize("conv", [True, False])
def test_reconstruction_success_means_a_lower_loss(name: str, conv: bool) -> None:
    x = images(4, height=12)
    autoencoder = SmallAutoencoder(conv)
    if name in NEED_LABELS:
        with pytest.raises(ValueError, match=f"{name} needs a Classification objective, got Reconstruction"):
            _attack(name)(Reconstruction(autoencoder), x)
        return
    eps = 1.0 if "linf" in ATTACKS[name].norms() else 6.0
    critics = {"inner": 10} if name in ("minmax", "penalty") else {}  # I > 0 is asked of them
    result = _attack(name, eps=eps, steps=30, **critics)(Reconstruction(autoencoder), x)
    with torch.no_grad():
        loss, lower = ((x - autoencoder(z)).square().flatten(1).sum(1) for z in (x, result.x_adv))
    assert result.success.any()
    assert (lower <= loss)[result.success].all()
    assert result.correct.all()


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_records_pair_image_criterion_and_step_and_a_closed_run_keeps_the_best(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = [3]  # of the clean images
    evaluate = Problem.evaluate

    def counted(self, x_adv, with_maps=False):
        passes.append(len(x_adv))
        return evaluate(self, x_adv, with_maps)

    monkeypatch.setattr(Problem, "evaluate", counted)
    model, x = small_classifier(), images()
    fresh = copy.deepcopy(model).eval()
    y = fresh(x).argmax(1)
    run = _attack(name, steps=50, eps=0.6).run(Classification(model, y), x, record_every=1)
    seen = [next(run) for _ in range(20)]
    run.close()
    result = run.result
    assert [record.step for record in seen] == list(range(1, 21))
    for record in seen:
        logits = fresh(record.x_adv)
        others = logits.scatter(1, y.unsqueeze(1), -torch.inf).amax(1)
        margin = logits.gather(1, y.unsqueeze(1)).squeeze(1) - others
        torch.testing.assert_close(record.criterion, margin, rtol=1e-4, atol=1e-5)
        assert torch.equal(record.success, logits.argmax(1) != y)
    for row, step in enumerate(result.best_step.tolist()):
        assert torch.equal(result.x_adv[row], seen[step - 1].x_adv[row])
    assert int(result.queries.sum()) == sum(passes)
    assert list(run) == []


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_memory_does_not_grow_with_the_steps(name: str) -> None:
    """What autograd keeps for a backward pass is gone after the step that it belongs to."""

    class Saved:
        def __init__(self, values: torch.Tensor) -> None:
            self.values = values.detach()

    def pack(values: torch.Tensor) -> Saved:
        alive.add(saved := Saved(values))
        return saved

    alive: weakref.WeakSet[Saved] = weakref.WeakSet()
    run = _attack(name, steps=8).run(Classification(small_classifier(), torch.tensor([0, 1, 2])), images())
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved.values):
        counts = [len(alive) for _ in run]
    assert counts[-1] == counts[0]


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_closing_before_the_first_step_returns_the_originals_flagged(name: str) -> None:
    model, x = small_classifier(), images()
    run = _attack(name).run(Classification(model, torch.tensor([0, 1, 2])), x)
    run.close()
    assert torch.equal(run.result.x_adv, x)
    assert not run.result.success.any()
    assert run.result.mi.isnan().all()


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_a_batch_that_does_not_fit_is_split_and_says_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, _ = _run(name, count=5)
    iterates = ATTACKS[name].iterates

    def tight(self, problem, ball, rows):
        for done, iterate in enumerate(iterates(self, problem, ball, rows)):
            if len(rows) > 2 and done == 2:
                raise RuntimeError(
                    "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."
                )
            yield iterate

    monkeypatch.setattr(ATTACKS[name], "iterates", tight)
    split, _ = _run(name, count=5)
    torch.testing.assert_close(split.x_adv, plain.x_adv, rtol=0, atol=1e-4)
    assert "images at a time" in split.warnings[0]


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_other_errors_are_not_taken_for_a_lack_of_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self, problem, ball, rows):
        raise RuntimeError("something else")
        yield

    monkeypatch.setattr(ATTACKS[name], "iterates", broken)
    with pytest.raises(RuntimeError, match="something else"):
        _run(name)


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_the_spec_is_json_and_builds_the_same_attack(name: str) -> None:
    attack = _attack(name, eps=0.25)
    spec = json.loads(json.dumps(attack.spec()))
    assert spec == attack.spec()  # or what was stored would never be found again
    assert spec.pop("attack") == name
    assert ATTACKS[name](**spec) == attack


@pytest.mark.parametrize("name", sorted(ATTACKS))
@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_the_gpu_agrees_with_the_cpu(name: str) -> None:
    model, x = small_classifier().eval(), images()
    y = model(x).argmax(1)
    norms = ATTACKS[name].norms()
    attack = _attack(
        name, norm="l2" if "l2" in norms else norms[0], eps=1.0
    )  # no sign that rounding can flip
    cpu = attack(Classification(model, y), x)
    gpu = attack(Classification(copy.deepcopy(model).cuda(), y), x)
    assert torch.equal(gpu.success, cpu.success)
    if name not in MANY_CHOICES:
        torch.testing.assert_close(gpu.x_adv, cpu.x_adv, rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", sorted(ATTACKS))
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"eps": -0.1}, "eps must be ≥ 0, got -0.1"),
        ({"eps": float("nan")}, "eps must be a finite number"),
        ({"steps": 0}, "steps must be a whole number ≥ 1, got 0"),
        ({"steps": 2.5}, "steps must be a whole number"),
        ({"norm": "l7"}, r"norm must be one of (linf|l2|wasserstein|linf, l2), got 'l7'"),
        ({"critic": "big"}, "critic must be one of"),
        ({"seed": -1}, "seed must be a whole number ≥ 0"),
        ({"batch_size": 0}, "batch_size must be"),
    ],
)
def test_bad_parameters_are_named(name: str, parameters: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _attack(name, **parameters)
