"""Checkpoints: what is saved comes back, what is damaged is refused in one sentence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from advmi_core import models
from advmi_core.models import CheckpointError
from advmi_core.models.checkpoints import rounded

CARD = {"metrics": {"split": "test", "accuracy": 0.5}}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return models.save(models.build("cnn"), CARD, tmp_path)


def rewrite(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Other tensors under a card that vouches for them."""
    save_file(tensors, path)
    edit(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def edit(path: Path, **changes: object) -> None:
    card = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(card | changes))


def test_round_trip_is_exact_frozen_and_fresh(saved: Path) -> None:
    x = torch.rand(2, 1, 28, 28)
    one, two = models.load("cnn", weights=saved), models.load("cnn", weights=saved)
    assert torch.equal(one(x), models.build("cnn")(x))
    assert not one.training
    assert not any(p.requires_grad for p in one.parameters())
    assert (one.name, one.in_shape, one.card["metrics"]) == ("cnn", (1, 28, 28), CARD["metrics"])
    with torch.no_grad():
        one.get_parameter("head.1.weight").zero_()
    one.card["metrics"] = {}
    assert torch.equal(two(x), models.load("cnn", weights=saved)(x))
    assert two.card["metrics"] == CARD["metrics"]


def test_colour_shape_and_classes_come_back(tmp_path: Path) -> None:
    path = models.save(models.build("cnn", (3, 32, 32), classes=7), CARD, tmp_path)
    network = models.load("cnn", weights=path)
    assert network.in_shape == (3, 32, 32)
    assert network(torch.rand(1, 3, 32, 32)).shape == (1, 7)


def test_half_precision_file_loads_as_the_rounded_float32_weights(tmp_path: Path) -> None:
    network = models.build("ae-dense")
    path = models.save(network, CARD, tmp_path, half=True)
    state = models.load("ae-dense", weights=path).state_dict()
    wanted = rounded(network.state_dict())
    assert all(state[key].dtype == torch.float32 for key in state)
    assert all(torch.equal(state[key], wanted[key]) for key in wanted)


def test_loading_leaves_the_global_random_state_alone(saved: Path) -> None:
    before = torch.get_rng_state()
    models.load("cnn", weights=saved)
    assert torch.equal(torch.get_rng_state(), before)


def drop_weights(path: Path) -> None:
    path.unlink()


def drop_card(path: Path) -> None:
    path.with_suffix(".json").unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def flip_a_bit(path: Path) -> None:
    blob = bytearray(path.read_bytes())
    blob[-1] ^= 1
    path.write_bytes(bytes(blob))


def garbage_with_right_hash(path: Path) -> None:
    path.write_bytes(b"not safetensors")
    edit(path, sha256=hashlib.sha256(b"not safetensors").hexdigest())


def break_card(path: Path) -> None:
    path.with_suffix(".json").write_text("{")


def card_is_a_list(path: Path) -> None:
    path.with_suffix(".json").write_text("[]")


def card_not_text(path: Path) -> None:
    path.with_suffix(".json").write_bytes(b"\xff\xfe\xff")


def missing_tensor(path: Path) -> None:
    tensors = load_file(path)
    del tensors["head.5.bias"]
    rewrite(path, tensors)


def wrong_shape(path: Path) -> None:
    rewrite(path, load_file(path) | {"head.5.bias": torch.zeros(11)})


def not_a_number(path: Path) -> None:
    rewrite(path, load_file(path) | {"head.5.bias": torch.full((10,), float("nan"))})


def whole_numbers(path: Path) -> None:
    rewrite(path, load_file(path) | {"head.5.bias": torch.zeros(10, dtype=torch.int64)})


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (drop_weights, "cannot be read"),
        (drop_card, "cannot be read"),
        (truncate, "sha256"),
        (flip_a_bit, "sha256"),
        (garbage_with_right_hash, "cannot be used"),
        (break_card, "is not JSON"),
        (card_is_a_list, "not a model card"),
        (card_not_text, "cannot be read"),
        (missing_tensor, "missing or extra head.5.bias"),
        (wrong_shape, r"head.5.bias has shape \(11,\), wanted \(10,\)"),
        (not_a_number, "head.5.bias must hold finite"),
        (whole_numbers, "head.5.bias must hold finite"),
        (lambda path: edit(path, model="ae-dense"), "holds a 'ae-dense', wanted 'cnn'"),
        (lambda path: edit(path, format=99), "format 99, wanted 1"),
        (lambda path: edit(path, shape=[1, 4, 4]), "at least 16×16"),
        (lambda path: edit(path, shape=["a", 28, 28]), "shape's C"),
        (lambda path: edit(path, shape=[3, 28, 28]), r"wanted \(64, 3, 3, 3\)"),
        (lambda path: edit(path, classes=-3), "classes must be"),
        (lambda path: edit(path, metrics=None), "needs 'metrics' as dict"),
    ],
)
def test_damaged_checkpoint_is_refused(saved: Path, damage: Callable[[Path], None], sentence: str) -> None:
    damage(saved)
    with pytest.raises(CheckpointError, match=sentence) as caught:
        models.load("cnn", weights=saved)
    assert "\n" not in str(caught.value)


def float8(path: Path) -> None:
    state = load_file(path)
    state["head.5.bias"] = state["head.5.bias"].to(torch.float8_e4m3fn)
    save_file(state, path)
    edit(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def nested_card(path: Path) -> None:
    path.with_suffix(".json").write_text("[" * 200_000)


@pytest.mark.fault("L17")
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (float8, "head.5.bias must hold finite numbers of 16, 32 or 64 bits, got float8_e4m3fn"),
        (nested_card, "cnn.json is not JSON: its JSON is nested too deeply"),
        (lambda path: edit(path, shape=[1, 10**30, 28]), "cannot be used"),
        (lambda path: edit(path, classes=10**30), "cannot be used"),
    ],
)
def test_odd_numbers_and_nests_are_refused(
    saved: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    damage(saved)
    with pytest.raises(CheckpointError, match=sentence):
        models.load("cnn", weights=saved)


@pytest.mark.parametrize("dataset", ["imagenet", "", "..", "../weights/fashion-mnist"])
def test_unknown_data_set(dataset: str) -> None:
    with pytest.raises(CheckpointError, match="no weights for the data set"):
        models.load("cnn", dataset)


def test_model_without_weights_for_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("advmi_core.paths.assets", lambda: tmp_path)
    models.save(models.build("cnn"), CARD, tmp_path / "weights" / "mnist")
    assert models.available() == {"mnist": ("cnn",)}
    assert models.load("cnn", "mnist").name == "cnn"
    with pytest.raises(CheckpointError, match="no weights of 'ae-conv' for mnist; there are cnn"):
        models.load("ae-conv", "mnist")


def test_unknown_model_and_device(saved: Path) -> None:
    with pytest.raises(ValueError, match="model must be one of"):
        models.load("resnet")
    with pytest.raises(ValueError, match="device must be"):
        models.load("cnn", device="abacus", weights=saved)


def test_save_replaces_and_leaves_nothing_else(saved: Path) -> None:
    models.save(models.build("cnn", seed=1), CARD, saved.parent)
    assert sorted(path.name for path in saved.parent.iterdir()) == ["cnn.json", "cnn.safetensors"]
    x = torch.rand(1, 1, 28, 28)
    assert torch.equal(models.load("cnn", weights=saved)(x), models.build("cnn", seed=1)(x))
