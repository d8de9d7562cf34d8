"""Models that nobody here wrote: by file and function, wrapped, named by their content."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
import torch
from torch import nn

from advmi_core import models
from advmi_core.data import ImageSet
from advmi_core.models import own

HEAD = "import torch\nfrom torch import nn\n"
CLASSIFIER = """
def small():
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), pooled, nn.Linear(4, 3))
    model.in_shape = (3, 8, 8)
    model.classes = ["cat", "dog", "cow"]
    return model
"""


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own.VARIABLE, "")


def write(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(HEAD + text)
    return path


def test_a_function_in_a_file_is_registered_and_loaded_by_its_name(tmp_path: Path) -> None:
    path = write(tmp_path, CLASSIFIER)
    network = models.register(f"{path}:small")
    assert isinstance(network, models.Classifier)
    assert (network.in_shape, network.classes, network.class_names) == ((3, 8, 8), 3, ("cat", "dog", "cow"))
    assert network.name == f"own-small-{network.card['sha256'][:8]}"
    again = models.load(network.name)
    x = torch.rand(2, 3, 8, 8)
    assert torch.equal(again(x), network(x))  # random weights are the same in every process
    assert not any(weight.requires_grad for weight in again.parameters())
    assert models.choices()[0].name == network.name


def test_registering_leaves_the_global_random_state_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    models.register(f"{write(tmp_path, CLASSIFIER)}:small")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_page_cannot_name_code(tmp_path: Path) -> None:
    path = write(tmp_path, CLASSIFIER)
    for name in (f"{path}:small", "mine.py:small", str(path), "own-small-12345678"):
        with pytest.raises(ValueError, match=r"model must be one of|was not started with"):
            models.load(name)


def test_other_weights_are_another_model_and_a_changed_file_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, CLASSIFIER)
    first = models.register(f"{path}:small")
    write(tmp_path, CLASSIFIER.replace("nn.ReLU()", "nn.Tanh()"))
    with pytest.raises(ValueError, match="not the model that was registered"):
        models.load(first.name)
    assert models.register(f"{path}:small").name != first.name


def test_facts_of_the_person_go_before_those_of_the_module(tmp_path: Path) -> None:
    text = "def bare():\n    return nn.Sequential(nn.Flatten(), nn.Linear(12, 2))\n"
    reference = f"{write(tmp_path, text)}:bare"
    with pytest.raises(ValueError, match="give --shape C,H,W"):
        models.register(reference)
    plain = models.register(reference, models.Facts(shape=(3, 2, 2)))
    shifted = models.register(reference, models.Facts(shape=(3, 2, 2), mean=(0.5,), std=(0.25,)))
    x = torch.rand(4, 3, 2, 2)
    torch.testing.assert_close(shifted(x), plain((x - 0.5) / 0.25))
    assert shifted.name != plain.name
    torch.testing.assert_close(models.load(shifted.name)(x), shifted(x))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f():\n    return 3\n", "must return a torch.nn.Module, got int"),
        ("def f():\n    raise RuntimeError('no disk')\n", "mine.py:f failed: RuntimeError: no disk"),
        ("def g():\n    pass\n", "has no function f"),
        ("this is no Python\n", "cannot be run: SyntaxError"),
        ("def f():\n    return nn.Conv2d(3, 5, 3)\n", "must return logits .* or images of its input's shape"),
        (
            "def f():\n    return nn.Sequential(nn.Flatten(), nn.Linear(5, 2))\n",
            "cannot take images of 3×8×8",
        ),
    ],
)
def test_what_cannot_be_a_model_gets_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        models.register(f"{write(tmp_path, text)}:f", models.Facts(shape=(3, 8, 8)))
    with pytest.raises(ValueError, match="does not exist"):
        models.register(f"{tmp_path}/nowhere.py:f")


def test_mean_without_std_asks_for_the_option() -> None:
    with pytest.raises(ValueError, match="give --std as well"):
        models.Facts(mean=(0.5,))


def test_an_autoencoder_is_told_by_what_it_returns() -> None:
    network = models.wrap(
        nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Sigmoid()), "mine", models.Facts((1, 9, 9))
    )
    assert isinstance(network, models.Autoencoder)
    assert network(torch.rand(2, 1, 9, 9)).shape == (2, 1, 9, 9)
    with pytest.raises(ValueError, match="has no method encode"):
        network.encode(torch.rand(1, 1, 9, 9))


def test_an_entry_point_of_a_package_is_a_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path, CLASSIFIER, "somebodys_package.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    point = metadata.EntryPoint("theirs", "somebodys_package:small", own.GROUP)
    monkeypatch.setattr(own, "entry_points", lambda: {point.name: point})
    assert models.load("theirs").in_shape == (3, 8, 8)
    assert "theirs" in [choice.name for choice in models.choices()]


def _images(classes: tuple[str, ...], *labels: int) -> ImageSet:
    x = torch.rand(len(labels), 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return ImageSet(x, torch.tensor(labels), classes, "mine", "test", "folder")


def test_labels_follow_the_names_of_classes(tmp_path: Path) -> None:
    network = models.register(f"{write(tmp_path, CLASSIFIER)}:small")
    y, said = models.labels_for(network, _images(("Cow", "cat"), 0, 1, 1))
    assert (y.tolist(), said) == ([2, 0, 0], "")
    for classes in (("unlabelled",), ("cat", "horse")):
        images = _images(classes, 0, 0, 0)
        y, said = models.labels_for(network, images)
        assert torch.equal(y, network(images.x).argmax(1))
        assert "own answers are taken for true" in said
