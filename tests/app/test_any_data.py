"""Every page opens with whatever part of a data set is on the machine."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from advmi_core import data

APP = Path(__file__).resolve().parents[2] / "app.py"
PAGES = (
    "attack/overview", "attack/supervised", "attack/unsupervised", "measure/mutual_information",
    "measure/mi_vs_asr", "measure/autoencoders", "defend/defence", "library/runs",
)  # fmt: skip
NEEDS_IMAGES = ("attack/overview", "attack/supervised", "attack/unsupervised", "defend/defence")


def _idx(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    )


def _subset(folder: Path, labels: np.ndarray, x: np.ndarray) -> Path:
    for stem in ("t10k", "train"):
        _idx(folder / "fashion-mnist" / f"{stem}-images-idx3-ubyte", x)
        _idx(folder / "fashion-mnist" / f"{stem}-labels-idx1-ubyte", labels)
    return folder


@pytest.fixture(scope="module")
def real() -> data.ImageSet:
    return data.load("fashion-mnist", split="test")


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


def _open(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.query_params.update({name.replace("_", "-"): value for name, value in query.items()})
    if page != "attack/overview":
        app.switch_page(f"pages/{page}.py")
    return app.run()


def _labels(kind: str, of_all: np.ndarray) -> np.ndarray:
    """Indices of the images of a kind of subset."""
    if kind == "no bags":
        return np.flatnonzero(of_all != 8)[:300]
    if kind == "trousers only":
        return np.flatnonzero(of_all == 1)[:60]
    return np.arange(20 if kind == "twenty" else 1)


@pytest.mark.fault("S4")
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", ["no bags", "trousers only", "twenty", "one"])
def test_a_page_opens_with_part_of_the_images(
    kind: str, page: str, real: data.ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    y = real.y.numpy()
    rows = _labels(kind, y)
    x = (real.x[rows, 0].numpy() * 255).round().astype(np.uint8)
    monkeypatch.setenv("ADVMI_DATA", str(_subset(tmp_path, y[rows].astype(np.uint8), x)))
    app = _open(page)
    assert not app.exception, app.exception
    assert not app.error, app.error


@pytest.mark.fault("S4")
@pytest.mark.parametrize("way", ["class", "index", "random"])
def test_a_class_without_images_is_not_on_offer(
    way: str, real: data.ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    y = real.y.numpy()
    rows = _labels("trousers only", y)
    x = (real.x[rows, 0].numpy() * 255).round().astype(np.uint8)
    monkeypatch.setenv("ADVMI_DATA", str(_subset(tmp_path, y[rows].astype(np.uint8), x)))
    app = _open("attack/supervised", image_by=way, image_count="64")
    assert not app.exception, app.exception
    if way == "class":
        assert app.selectbox(key="supervised.fashion-mnist.image-class").options == ["Trouser"]


@pytest.mark.fault("S4")
@pytest.mark.parametrize("page", NEEDS_IMAGES)
@pytest.mark.parametrize("kind", ["cut off", "of another size"])
def test_damaged_images_are_one_sentence(
    kind: str, page: str, real: data.ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = 20 if kind == "of another size" else 28
    folder = _subset(tmp_path, np.zeros(30, np.uint8), np.zeros((30, side, side), np.uint8))
    if kind == "cut off":
        for stem in ("t10k", "train"):
            path = folder / "fashion-mnist" / f"{stem}-images-idx3-ubyte"
            path.write_bytes(path.read_bytes()[:5000])
    monkeypatch.setenv("ADVMI_DATA", str(folder))
    app = _open(page)
    assert not app.exception, app.exception
    (error,) = app.error
    assert "cannot be read" in error.value
    assert "images" in error.value


@pytest.mark.fault("P8")
def test_digits_have_their_classifier_also_without_their_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADVMI_DATA", raising=False)
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path))
    app = _open("attack/supervised", attack_model="cnn@mnist")
    assert not app.exception, app.exception
    assert app.selectbox(key="supervised.attack-model").value == "cnn@mnist"
    assert app.button_group(key="supervised.mnist.image-by").options == ["Upload", "Draw"]
    app.button_group(key="supervised.mnist.image-by").set_value("draw").run()
    assert any("Draw a digit" in said.value for said in app.caption)
