"""A photograph and an ImageNet network on the attack pages; models and data of one's own."""

from __future__ import annotations

import base64
import io
import json
import os
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from advmi_core import data, models
from advmi_core.data.own import VARIABLE as DATASETS
from advmi_core.figures.text import number
from advmi_core.jobs import shared
from advmi_core.models.own import VARIABLE as MODELS
from advmi_core.ui import resources
from advmi_core.ui.resources import Offer

Visit = Callable[..., Any]
LITE = "efficientnet-lite0"
OWN = """
import torch
def tiny():
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, stride=2), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(4, 3),
    )
    net.in_shape = (3, 48, 48)
    return net
def sure():
    net = torch.nn.Sequential(tiny(), torch.nn.Softmax(1))
    net.in_shape = (3, 48, 48)
    return net
def blurred():
    blur, mix = torch.nn.AvgPool2d(3, stride=1, padding=1), torch.nn.Conv2d(3, 3, 1)
    net = torch.nn.Sequential(blur, mix, torch.nn.Sigmoid())
    net.in_shape = (3, 48, 48)
    return net
"""


def _picture(url: str) -> np.ndarray:
    head, _, body = url.partition(",")
    assert head.startswith("data:image/")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))), np.int16)


def _jpeg(width: int, height: int, turn: int = 1) -> bytes:
    """A photograph that is bright at its left, stored in another orientation."""
    ramp = np.linspace(255, 0, width, dtype=np.float32)[None, :, None].repeat(height, 0).repeat(3, 2)
    picture = Image.fromarray(ramp.astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = turn
    if turn == 6:  # to be turned by a quarter to the right
        picture = picture.transpose(Image.Transpose.ROTATE_90)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90, exif=exif)
    return buffer.getvalue()


def test_a_cat_becomes_another_class_at_two_grey_levels(visit: Visit) -> None:
    tab = visit("supervised", attack_model=LITE, steps="10", mi_steps="0")
    idle = tab.stage
    assert idle["shape"] == [3, 224, 224]
    assert idle["classes"][idle["truth"]] == "Egyptian cat"
    assert tab.app.select_slider(key="supervised.minmax-solverphotograph.eps").value == 2 / 255
    tab.press("Start")
    tab.finish()
    result, sent = tab.job.result, tab.stage
    assert bool(result.success[0])
    assert float(result.linf[0]) <= 2 / 255 + 1e-6
    assert float(result.kept[0]) > 0.9
    assert "Egyptian cat →" in tab.said
    assert "Information kept" in tab.said
    # What a PNG of it would hold fools the model as well.
    stored = (result.x_adv * 255).round() / 255
    network = models.load(LITE)
    assert int(network(stored).argmax()) != int(tab.job.about.images.y[0])
    assert set(sent["classes"]) < set(network.class_names)
    assert len(sent["classes"]) < 30


def test_what_is_sent_of_a_photograph_is_small_and_right(visit: Visit) -> None:
    tab = visit("supervised", attack_model=LITE, steps="30", mi_steps="0")
    assert len(json.dumps(tab.stage)) < 200_000
    tab.press("Start")
    tab.finish()
    result, sent = tab.job.result, tab.stage
    assert len(json.dumps(sent)) < 5_000_000
    assert 12 <= len(sent["delta"]) == len(sent["steps"]) <= 26
    frame = sent["steps"].index(int(result.best_step[0]))
    levels = _picture(sent["delta"][frame]) - sent["levels"]
    change = np.moveaxis(levels, -1, 0) / sent["levels"] * sent["scale"]
    true = (result.x_adv[0] - result.x[0]).numpy()
    assert np.abs(change - true).max() <= sent["scale"] / sent["levels"]
    x = np.moveaxis(_picture(sent["x"]), -1, 0) / 255
    assert np.abs(x - result.x[0].numpy()).mean() < 0.01


def test_the_target_is_any_of_a_thousand_classes(visit: Visit) -> None:
    tab = visit("supervised", attack_model=LITE, attack_aim="targeted", attack_target="goldfish")
    box = tab.app.selectbox(key="supervised.photographs.attack-target")
    assert box.value == "goldfish"
    assert len(box.options) == 999
    assert "Egyptian cat" not in box.options
    sent = tab.stage
    assert sent["classes"][sent["target"]] == "goldfish"


def test_a_photograph_of_a_telephone_is_turned_and_cut(visit: Visit) -> None:
    tab = visit("supervised", attack_model=LITE, image_by="upload", steps="2", mi_steps="0")
    tab.app.file_uploader[0].upload("IMG_0001.jpg", _jpeg(4032, 3024, turn=6), "image/jpeg").run()
    x = tab.stage["x"]
    seen = _picture(x).mean(axis=(0, 2))
    assert seen[:20].mean() > seen[-20:].mean() + 100  # bright at the left, as it was taken
    (shown,) = tab.app.get("image")
    assert "becomes 224×224 pixels" in shown.proto.imgs[0].caption
    assert "The label is unknown" in tab.said
    tab.press("Start")
    tab.finish()
    assert tab.job.result.x_adv.shape == (1, 3, 224, 224)


def _zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, raw in files.items():
            archive.writestr(name, raw)
    return buffer.getvalue()


def test_a_zip_of_photographs_is_a_gallery_that_says_what_it_takes(visit: Visit) -> None:
    tab = visit("supervised", attack_model=LITE, image_by="upload", steps="2", mi_steps="0")
    files = {f"{kind}/{n}.jpg": _jpeg(300 + n, 240) for kind in ("espresso", "tabby") for n in range(8)}
    raw = _zip({**files, "tabby/broken.jpg": b"no picture"})
    tab.app.file_uploader[0].upload("walk.zip", raw, "application/zip").run()
    assert not tab.app.exception
    assert "1 of 17 pictures cannot be read" in tab.said
    assert "All 16 images at once would take" in tab.said
    assert "GB of memory" in tab.said
    tab.press("Start")
    tab.finish()
    about, result = tab.job.about, tab.job.result
    assert result.x_adv.shape == (16, 3, 224, 224)
    named = {about.classes[label] for label in about.images.y.tolist()}
    assert named == {"espresso", "tabby"}
    (row,) = tab.parts("advmi_thumbs")
    assert len(row["items"]) == 16
    assert all(len(item["src"]) < 20_000 for item in row["items"])


def test_what_is_no_zip_is_one_sentence(visit: Visit) -> None:
    tab = visit("supervised", image_by="upload")
    tab.app.file_uploader[0].upload("walk.zip", b"PK no zip", "application/zip").run()
    (error,) = tab.app.error
    assert "walk" in error.value
    assert "/tmp" not in error.value


def test_the_plane_says_why_it_has_no_photograph(visit: Visit) -> None:
    tab = visit("supervised", attack_model=LITE, view="plane")
    assert "attacks one image many times at once" in tab.said
    assert not tab.app.exception


def test_overview_attacks_a_photograph(visit: Visit) -> None:
    tab = visit("overview", story="photograph")
    assert tab.stage["shape"] == [3, 224, 224]
    (row,) = tab.parts("advmi_thumbs")
    assert row["items"][0]["alt"] == "Attack this Egyptian cat"
    assert sum(len(item["src"]) for item in row["items"]) < 60_000


@pytest.mark.parametrize("text", ["cnn", "cnn@mnist", "cnn@fashion-mnist"])
def test_old_links_name_a_model(visit: Visit, text: str) -> None:
    tab = visit("supervised", attack_model=text)
    assert not tab.app.warning
    dataset = text.partition("@")[2] or "fashion-mnist"
    model = tab.app.selectbox(key="supervised.attack-model").value
    assert model == f"cnn@{dataset}"
    assert tab.app.selectbox(key=f"supervised.{model}.attack-data").value == dataset


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A model and a folder of pictures that somebody started the program with."""
    monkeypatch.setenv(MODELS, "")
    monkeypatch.setenv(DATASETS, "")
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    folder = tmp_path / "walks"
    rng = np.random.default_rng(0)
    for kind in ("dogs", "leaves"):
        (folder / kind).mkdir(parents=True)
        for each in range(3):
            picture = Image.fromarray(rng.integers(0, 255, (60, 90, 3), np.uint8))
            picture.save(folder / kind / f"{each}.png")
    return models.register(f"{file}:tiny").name, data.register(folder).name


def test_a_model_and_pictures_of_ones_own_are_attacked(visit: Visit, own: tuple[str, str]) -> None:
    model, pictures = own
    tab = visit("supervised", attack_model=model, steps="3", mi_steps="0")
    assert tab.app.selectbox(key=f"supervised.{model}.attack-data").value == pictures
    assert "classes without names" in tab.said or "knows no class" in tab.said
    assert tab.stage["shape"] == [3, 48, 48]
    tab.press("Start")
    tab.finish()
    assert tab.job.result.x_adv.shape == (1, 3, 48, 48)


@pytest.mark.usefixtures("own")
def test_probabilities_instead_of_logits_are_told_before_the_start(visit: Visit, tmp_path: Path) -> None:
    tab = visit("supervised", attack_model=models.register(f"{tmp_path / 'mine.py'}:sure").name)
    (warning,) = tab.app.warning
    assert "look like probabilities, not logits" in warning.value


@pytest.mark.usefixtures("own")
def test_an_autoencoder_of_ones_own_is_attacked(visit: Visit, tmp_path: Path) -> None:
    name = models.register(f"{tmp_path / 'mine.py'}:blurred").name
    tab = visit("unsupervised", attack_model=name, steps="3", mi_steps="0")
    assert tab.stage["shape"] == [3, 48, 48]
    tab.press("Start")
    tab.finish()
    assert tab.job.result.output.shape == (1, 3, 48, 48)


def test_a_model_that_cannot_be_built_any_more_is_one_sentence(visit: Visit, own: tuple[str, str]) -> None:
    name = own[0]
    Path(json.loads(os.environ[MODELS])[0]["file"]).write_text("def tiny():\n    return 3\n")
    tab = visit("supervised", attack_model=name)
    assert not tab.app.exception
    assert "must return a torch.nn.Module" in tab.said.replace("\\", "")
    assert tab.stage["idle"]


def test_two_models_are_attacked_side_by_side(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a defence was trained: another classifier of the same images and classes."""
    known = {**resources.offer().known}
    rival = replace(known["cnn@mnist"], title="cnn, robust", dataset="fashion-mnist")
    monkeypatch.setattr(resources, "offer", lambda: Offer({**known, "cnn@mnist": rival}, ()))
    tab = visit("supervised", attack_beside="cnn@mnist", steps="5", mi_steps="0")
    assert len(tab.parts("advmi_stage")) == 2
    tab.press("Start")
    tab.finish()
    other = tab.app.session_state["supervised.beside.job"]
    deadline = time.monotonic() + 60
    while shared().get(other).active:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    tab.app.run()
    one, two = tab.job, shared().get(other)
    assert one.about.attack == two.about.attack
    assert torch.equal(one.about.images.x, two.about.images.x)
    assert (one.about.model, two.about.model) == ("cnn@fashion-mnist", "cnn@mnist")
    (table,) = [each.value for each in tab.app.markdown if each.value.startswith("| | ")]
    assert "cnn, robust" in table
    assert number(float(two.result.l2[0])) in table
    shared().discard(other)
