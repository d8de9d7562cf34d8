"""Networks of timm and torchvision: embedded, in the local cache, and fetched when asked."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import urllib.error
from email.message import Message
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from advmi_core import data, models, paths
from advmi_core.data.downloads import DownloadError
from advmi_core.models import downloads, zoo

SMALL = "timm:test_vit"
SMALL_TORCHVISION = "torchvision:squeezenet1_1"


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def embedded() -> models.Network:
    return models.load("efficientnet-lite0", dataset="photographs")


def test_the_embedded_network_sees_what_the_photographs_show(embedded: models.Network) -> None:
    photographs = data.load(data.PHOTOGRAPHS, shape=embedded.in_shape)
    y, said = models.labels_for(embedded, photographs)
    assert said == ""
    with torch.no_grad():
        shares = embedded(photographs.x).softmax(1)
    assert shares.argmax(1).tolist() == y.tolist()
    assert shares.amax(1).tolist() == pytest.approx([0.386, 0.939, 0.221], abs=0.01)
    assert [embedded.class_names[label] for label in y] == ["Egyptian cat", "espresso", "missile"]


def test_its_card_tells_the_file_its_source_and_its_licence(embedded: models.Network) -> None:
    folder = paths.assets() / "weights" / "imagenet"
    blob = (folder / "efficientnet-lite0.safetensors").read_bytes()
    assert hashlib.sha256(blob).hexdigest() == embedded.card["sha256"]
    assert embedded.card["parameters"] == sum(weight.numel() for weight in embedded.parameters())
    assert embedded.card["licence"].startswith("Apache-2.0")
    for name in ("NOTICE.md", "LICENSE.txt"):
        assert "Apache" in (folder / name).read_text("utf-8")


def test_nothing_slow_is_imported_before_it_is_needed() -> None:
    slow = "[name for name in ('timm', 'torchvision') if name in sys.modules]"
    code = f"import sys; from advmi_core import cli, data, models; print({slow})"
    found = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [SMALL, SMALL_TORCHVISION])
def test_weights_in_the_cache_are_a_model(name: str) -> None:
    with pytest.raises(models.CheckpointError, match=f"advmi models get {name}"):
        models.load(name)
    module = zoo.build(name).eval()
    path = zoo.place(name)
    path.parent.mkdir(parents=True)
    save_file(module.state_dict(), path)
    network = models.load(name)
    x = torch.rand(2, *network.in_shape)
    mean, std = (torch.tensor(network.card[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        torch.testing.assert_close(network(x), module((x - mean) / std))
    assert (network.name, len(network.class_names)) == (name, 1000)
    path.write_bytes(b"no tensors")
    with pytest.raises(models.CheckpointError, match="cannot be used"):
        models.load(name)


def test_weights_that_are_not_those_of_their_card_are_refused() -> None:
    path = zoo.place(SMALL)
    path.parent.mkdir(parents=True)
    save_file(zoo.build(SMALL).state_dict(), path)
    card = {**zoo.describe(SMALL), "sha256": "0" * 64}
    path.with_name(f"{path.stem}.json").write_text(json.dumps(card))
    with pytest.raises(models.CheckpointError, match="sha256 is not the one"):
        models.load(SMALL)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("timm:resnet9000", "timm has no network 'resnet9000'"),
        ("torchvision:resnet9000", r"torchvision has no classifier .*names like it are resnet"),
        ("torchvision:fasterrcnn_resnet50_fpn", "torchvision has no classifier"),
        ("timm:../../etc/passwd", "model must be timm:NAME"),
    ],
)
def test_what_no_library_has_gets_one_sentence(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        models.load(name)


class Server:
    """Answers every request with one file."""

    def __init__(self, content: bytes, headers: dict[str, str]) -> None:
        self.content, self.headers, self.asked = content, headers, 0

    def open(self, request: Any, timeout: float) -> Any:
        self.asked += 1
        found = Message()
        for name, value in self.headers.items():
            found[name] = value
        if "X-Linked-Size" in self.headers:
            raise urllib.error.HTTPError(request.full_url, 302, "Found", found, None)
        reply = io.BytesIO(self.content)
        reply.headers = found  # type: ignore[attr-defined]
        return reply


def serve(monkeypatch: pytest.MonkeyPatch, content: bytes, **headers: str) -> Server:
    server = Server(content, {name.replace("_", "-"): value for name, value in headers.items()})
    monkeypatch.setattr("urllib.request.build_opener", lambda *_: server)
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: io.BytesIO(content))
    return server


def test_a_network_is_fetched_when_asked_with_size_and_licence_and_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    save_file(zoo.build(SMALL).state_dict(), tmp_path / "model.safetensors")
    content = (tmp_path / "model.safetensors").read_bytes()
    right = hashlib.sha256(content).hexdigest()
    serve(monkeypatch, content, X_Linked_Size=str(len(content)), X_Linked_ETag=f'"{right}"')
    offered = downloads.offer(SMALL)
    assert (offered.size, offered.sha256) == (len(content), right)
    assert offered.licence == zoo.describe(SMALL)["licence"]
    heard: list[tuple[int, int]] = []
    path = downloads.fetch(offered, lambda done, total: heard.append((done, total)))
    assert heard[-1] == (len(content), len(content))
    assert models.load(SMALL).card["sha256"] == right
    path.unlink()
    with pytest.raises(DownloadError, match="another file than the published one"):
        downloads.fetch(downloads.Offer(SMALL, offered.url, offered.size, "", "1" * 64))
    assert not path.exists()


class Evil:
    def __reduce__(self) -> Any:
        return print, ("code of a pickle ran",)


def test_a_pickle_gives_tensors_or_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pickled(state: Any) -> bytes:
        buffer = io.BytesIO()
        torch.save(state, buffer)
        return buffer.getvalue()

    name, url = SMALL_TORCHVISION, "https://nowhere.invalid/squeezenet1_1-{}.pth"
    module = zoo.build(name)
    good = pickled(module.state_dict())
    serve(monkeypatch, good)
    address = url.format(hashlib.sha256(good).hexdigest()[:8])
    path = downloads.fetch(
        downloads.Offer(name, address, len(good), "", hashlib.sha256(good).hexdigest()[:8])
    )
    assert path.suffix == ".safetensors"
    torch.testing.assert_close(dict(models.load(name).inner.state_dict()), dict(module.state_dict()))  # type: ignore[union-attr,operator]
    for bad in ({"weight": Evil()}, [1, 2]):
        content = pickled(bad)
        serve(monkeypatch, content)
        path.unlink(missing_ok=True)
        with pytest.raises(DownloadError, match=r"without running code|named tensors"):
            downloads.fetch(downloads.Offer(name, url.format("0"), len(content), "", ""))
        assert not path.exists()
    assert "code of a pickle ran" not in capsys.readouterr().out


def test_without_a_network_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise urllib.error.URLError("unreachable")

    server = serve(monkeypatch, b"")
    monkeypatch.setattr(server, "open", refuse)
    with pytest.raises(DownloadError, match="no network, or the server is out of reach"):
        downloads.offer(SMALL)
    with pytest.raises(ValueError, match="comes with AdvMI"):
        downloads.offer("efficientnet-lite0")
