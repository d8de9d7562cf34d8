"""Downloads, from a server on this machine: only when asked, checked, whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from data_makers import idx_bytes, random_pixels

from advmi_core import data, paths
from advmi_core.data import downloads
from advmi_core.data.layouts import LAYOUTS

FILES = {
    "t10k-images-idx3-ubyte.gz": gzip.compress(idx_bytes(random_pixels(400, 28, 28))),
    "t10k-labels-idx1-ubyte.gz": gzip.compress(idx_bytes(np.arange(400, dtype=np.uint8) % 10)),
}
TOTAL = sum(len(content) for content in FILES.values())


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on the tests' output."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """MNIST's test split on a local server; returns the folder that it serves."""
    folder = tmp_path / "served"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setitem(downloads.REMOTES, ("mnist", "test"), _remotes(server.server_port))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder
    server.shutdown()
    server.server_close()


def _remotes(port: int) -> tuple[downloads.Remote, ...]:
    return tuple(
        downloads.Remote(
            f"http://127.0.0.1:{port}/{name}", f"mnist/{name}", len(content), hashlib.md5(content).hexdigest()
        )
        for name, content in FILES.items()
    )


def _cached() -> list[str]:
    folder = paths.cache()
    return sorted(path.name for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def test_nothing_is_fetched_unless_asked(served: Path) -> None:
    with pytest.raises(data.DataNotFoundError):
        data.load("mnist", split="test")
    assert _cached() == []


def test_download_fills_the_cache_and_reports_its_progress(served: Path) -> None:
    seen: list[tuple[int, int]] = []
    images = data.load("mnist", split="test", download=True, progress=lambda *bytes_: seen.append(bytes_))
    assert (len(images), images.source) == (400, "cache")
    assert _cached() == sorted(FILES)
    assert {total for _, total in seen} == {TOTAL}
    done = [here for here, _ in seen]
    assert done == sorted(done)
    assert done[-1] == TOTAL


def test_what_is_there_is_not_fetched_again(served: Path) -> None:
    paths_then = data.download("mnist", ("test",))
    for path in served.iterdir():
        path.unlink()
    assert data.download("mnist", ("test",)) == paths_then
    assert len(data.load("mnist", split="test", download=True)) == 400


def test_a_damaged_file_in_the_cache_is_fetched_anew(served: Path) -> None:
    images, _ = data.download("mnist", ("test",))
    images.write_bytes(b"?" + images.read_bytes()[1:])
    with pytest.raises(ValueError, match="t10k-images"):
        data.load("mnist", split="test")
    data.download("mnist", ("test",))
    assert len(data.load("mnist", split="test")) == 400


@pytest.mark.parametrize("change", [b"", b"x"], ids=["same length", "longer"])
def test_another_file_than_the_published_one_is_not_kept(served: Path, change: bytes) -> None:
    name = "t10k-images-idx3-ubyte.gz"
    (served / name).write_bytes(b"?" + FILES[name][1:] + change)
    with pytest.raises(data.DownloadError, match="another file than the published one"):
        data.load("mnist", split="test", download=True)
    assert _cached() == []


def test_endless_answer_is_cut(served: Path) -> None:
    name = "t10k-images-idx3-ubyte.gz"
    (served / name).write_bytes(bytes(20 << 20))
    with pytest.raises(data.DownloadError, match="another file") as caught:
        data.download("mnist", ("test",))
    assert "20,971,520 bytes of" not in str(caught.value)
    assert _cached() == []


def test_missing_on_the_server(served: Path) -> None:
    (served / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(data.DownloadError, match="the server answered 404"):
        data.download("mnist", ("test",))
    assert _cached() == ["t10k-images-idx3-ubyte.gz"]


def test_no_network_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for (name, split), remotes in list(downloads.REMOTES.items()):
        away = tuple(
            downloads.Remote("http://127.0.0.1:9/x", each.target, each.size, each.md5) for each in remotes
        )
        monkeypatch.setitem(downloads.REMOTES, (name, split), away)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name, _ in downloads.REMOTES:
        with pytest.raises(data.DownloadError, match="no network, or the server is out of reach") as caught:
            data.load(name, split="train", download=True)
        assert "\n" not in str(caught.value)
    assert _cached() == []


def test_cache_that_cannot_be_written(served: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ADVMI_CACHE", str(tmp_path / "file"))
    with pytest.raises(data.DownloadError, match="cannot be written: a file stands where a folder is needed"):
        data.download("mnist", ("test",))


def test_every_split_of_every_data_set_can_be_had_where_its_layout_looks() -> None:
    fetched = [name for name in data.NAMES if not data.CATALOG[name].origin]
    assert set(downloads.REMOTES) == {(name, split) for name in fetched for split in data.SPLITS}
    for (name, split), remotes in downloads.REMOTES.items():
        for remote in remotes:
            target = paths.cache() / "data" / remote.target
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        assert any(layout.find(paths.cache() / "data", split) for layout in LAYOUTS[name])
        assert all(len(remote.md5) == 32 for remote in remotes)


def test_what_is_not_fetched_says_how_to_get_it() -> None:
    with pytest.raises(data.DownloadError, match=r"mice-protein is not downloaded: get .*342"):
        data.load("mice-protein", download=True)
    assert _cached() == []


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match="fashion-mnist"):
        data.download("imagenet")
    with pytest.raises(ValueError, match="train, test"):
        data.download("mnist", ("val",))
