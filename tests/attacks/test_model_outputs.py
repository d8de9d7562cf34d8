"""What a user's model may return, and what is said of models that are odd."""

from __future__ import annotations

import pytest
import torch
from models_for_tests import SmallAutoencoder, images, small_classifier
from torch import Tensor, nn

from advmi_core import data, models
from advmi_core.attacks import ATTACKS, PGD, AutoAttack, MinMax
from advmi_core.augmentation import augment
from advmi_core.evaluation.robust import robust_accuracy
from advmi_core.mi import estimate_mi
from advmi_core.objectives import Classification, Contrastive, Objective, Reconstruction

Y = torch.tensor([0, 1, 2])
ATTACK = PGD(steps=1, mi_steps=0)


class Then(nn.Module):
    """A classifier or autoencoder whose output something is done to."""

    def __init__(self, change, model: nn.Module | None = None) -> None:
        super().__init__()
        self.model, self.change = model or small_classifier(), change

    def forward(self, x: Tensor) -> object:
        return self.change(self.model(x))


def _raise(error: Exception):
    def change(logits: Tensor) -> Tensor:
        raise error

    return change


UNUSABLE = {
    "tuple": (lambda z: (z, z), "got tuple of 2"),
    "dict": (lambda z: {"logits": z, "aux": z}, "got dict of logits, aux"),
    "None": (lambda z: None, "got NoneType"),
    "list": (lambda z: z.tolist(), "got list of"),
    "array": (lambda z: z.detach().numpy(), "got ndarray"),
    "int": (lambda z: z.long(), "got int64"),
    "bool": (lambda z: z > 0, "got bool"),
    "complex": (lambda z: z.to(torch.complex64), "got complex64"),
    "scalar": (lambda z: z.sum(), r"got shape \(\) for 1 images"),
    "vector": (lambda z: z.flatten(1)[:, 0], r"got shape \(1,\) for 1 images"),
    "rows": (lambda z: torch.cat([z, z]), r"got shape \(2, .*\) for 1 images"),
    "batch": (lambda z: z[:1], r"got shape \(1, .*\) for 3 images"),
}


def _objectives(change) -> list[Objective]:
    return [
        Classification(Then(change), Y),
        Reconstruction(Then(change, SmallAutoencoder(conv=True))),
    ]


@pytest.mark.fault("A6")
@pytest.mark.parametrize("kind", sorted(UNUSABLE))
def test_what_is_neither_logits_nor_images_gets_one_sentence(kind: str) -> None:
    change, said = UNUSABLE[kind]
    for objective in _objectives(change):
        with pytest.raises(
            ValueError, match=rf"^Then must return one tensor of floating-point numbers.*{said}"
        ):
            ATTACK(objective, images(height=10 if objective.mi_sign > 0 else 12))


@pytest.mark.fault("A6")
@pytest.mark.parametrize("kind", ["tuple", "None", "int"])
def test_everything_that_takes_a_model_says_the_same(kind: str) -> None:
    change, said = UNUSABLE[kind]
    x, wide = images(), images(height=12)
    autoencoder = Then(change, SmallAutoencoder(conv=True))
    with pytest.raises(ValueError, match=said):
        estimate_mi(Classification(Then(change), Y), x, x, sampling="conv")
    with pytest.raises(ValueError, match=said):
        augment("mine-uae", autoencoder, wide, steps=1, inner=1)
    with pytest.raises(ValueError, match=said):
        robust_accuracy(Then(change), x, Y, {"pgd": ATTACK}).drain()
    with pytest.raises(ValueError, match=said):
        Contrastive(Then(change), x)


@pytest.mark.fault("A6")
@pytest.mark.parametrize(
    "change",
    [
        lambda z: z.detach(),
        lambda z: torch.zeros_like(z).requires_grad_() + 1,
        torch.no_grad()(lambda z: z + 0),
    ],
    ids=["detached", "elsewhere", "no_grad"],
)
@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_a_model_without_a_way_back_gets_one_sentence(name: str, change) -> None:
    with pytest.raises(
        ValueError, match=r"^Then must be differentiable with respect to its images, got an out"
    ):
        ATTACKS[name](mi_steps=0)(Classification(Then(change), Y), images())


@pytest.mark.fault("A6")
def test_random_search_and_estimates_need_no_gradient() -> None:
    model, x = Then(lambda z: z.detach()), images()
    blind = AutoAttack(parts=("square",), queries=3, mi_steps=0, eps=0.3)
    assert torch.isfinite(blind(Classification(model, Y), x).x_adv).all()
    assert torch.isfinite(estimate_mi(Classification(model, Y), x, x.flip(3), steps=2)).all()


@pytest.mark.fault("A6")
@pytest.mark.parametrize(
    "error",
    [
        AssertionError("only 32×32"),
        IndexError("out of range"),
        RuntimeError("shapes"),
        TypeError("no"),
        KeyError(1),
    ],
)
def test_what_a_model_says_of_its_size_is_passed_on_in_one_sentence(error: Exception) -> None:
    for objective in _objectives(_raise(error)):
        x = images(height=10 if objective.mi_sign > 0 else 12)
        with pytest.raises(
            ValueError, match=r"^x has shape \(1, 1, 1\d, 12\), which Then cannot take"
        ) as caught:
            ATTACK(objective, x)
        assert type(error).__name__ in str(caught.value)
        assert caught.value.__cause__ is error


@pytest.mark.fault("A6")
def test_a_lack_of_memory_is_no_size_of_the_model_s() -> None:
    error = torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(torch.OutOfMemoryError):
        ATTACK(Classification(Then(_raise(error)), Y), images())


@pytest.mark.fault("A6")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_outputs_of_any_floating_point_type_work(name: str, dtype: torch.dtype) -> None:
    model, x = Then(lambda z: z.to(dtype)).eval(), images()
    with torch.no_grad():
        y = model(x).argmax(1)
    brisk = {"autoattack": {"targets": 1, "queries": 5}, "cw": {"searches": 2}, "penalty": {"searches": 2}}
    attack = ATTACKS[name](**{"steps": 5, "mi_steps": 0, "eps": 0.5, **brisk.get(name, {})})
    result = attack(Classification(model, y), x)
    assert result.output.dtype == result.criterion.dtype == torch.float32
    with torch.no_grad():
        assert torch.equal(result.success, model(result.x_adv).argmax(1) != y)


class BatchNormed(nn.Module):
    """Normalises by the batch in evaluation too."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.norm = small_classifier(), nn.BatchNorm2d(1, track_running_stats=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(self.norm(x))


class ForgetfulInside(nn.Module):
    """Drops pixels in evaluation too."""

    def __init__(self) -> None:
        super().__init__()
        self.model = small_classifier()

    def forward(self, x: Tensor) -> Tensor:
        return self.model(nn.functional.dropout(x, training=True))


ODD = {
    "batch": (BatchNormed(), "The model mixes images"),
    "dropout": (ForgetfulInside(), "The model is random"),
    "noise": (Then(lambda z: z + 0.1 * torch.randn_like(z)), "The model is random"),
    "softmax": (Then(lambda z: z.softmax(1)), "look like probabilities, not logits"),
    "sigmoid": (Then(lambda z: (1000 * z).sigmoid()), "look like probabilities, not logits"),
}


@pytest.mark.fault("A8")
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("kind", sorted(ODD))
def test_odd_models_are_warned_of(kind: str, count: int) -> None:
    model, said = ODD[kind]
    with torch.random.fork_rng():
        result = ATTACK(Classification(model, Y[:count]), images(count))
    assert sum(said in warning for warning in result.warnings) == 1


@pytest.mark.fault("A8")
def test_the_looks_at_a_model_count_as_no_queries() -> None:
    result = ATTACK(Classification(small_classifier(), Y), images())
    assert result.queries.tolist() == [3, 3, 3]  # x, one step, the result


@pytest.mark.fault("A8")
@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("dataset", sorted(models.available()))
def test_shipped_models_are_not_warned_of(dataset: str, count: int) -> None:
    try:
        shown = data.load(dataset, split="test")
    except data.DataNotFoundError:
        pytest.skip(f"no images of {dataset} on this machine")
    x, y = shown.x[:count], shown.y[:count]
    for name in models.available()[dataset]:
        model = models.load(name, dataset=dataset)
        objective = Reconstruction(model) if name.startswith("ae-") else Classification(model, y)
        assert MinMax.published(steps=1, mi_weight=0, mi_steps=0)(objective, x).warnings == (), name
