"""What the tests of pages with long jobs share: a visitor, and a small finished sweep."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from advmi_core.evaluation import ImageTable
from advmi_core.experiments.progress import Progress, write_progress
from advmi_core.jobs import shared
from advmi_core.studies.sweep import Method, Sweep
from advmi_core.studies.sweep.folder import RunFolder, Shard
from advmi_core.studies.sweep.work import Measured

APP = Path(__file__).resolve().parents[2] / "app.py"
FIGURE = {"Figure · PNG", "Figure · SVG", "Figure · PDF"}  # what every figure is offered as
SCRIPTS = {"mi-vs-asr": "pages/measure/mi_vs_asr.py", "runs": "pages/library/runs.py"}


def tiny(name: str = "tiny", seed: int = 0, eps: tuple[float, ...] = (0.1, 0.4)) -> Sweep:
    """Two methods on eight images, four shards of two cells each."""
    return Sweep(
        name=name, n=8, shard=4, seed=seed,
        methods=(
            Method(
                name="minmax-gaussian", attack="minmax", eps=eps,
                parameters={"steps": 40, "mi": "gaussian-patches"},
            ),
            Method(name="pgd", attack="pgd", parameters={"steps": 5}, eps=eps),
        ),
    )  # fmt: skip


def kept(sweep: Sweep, directory: Path, shards: int | None = None) -> Path:
    """The folder of a sweep whose numbers are made up; complete unless only some shards are wanted."""
    subject = sweep.subject()
    folder = RunFolder(directory, sweep, sweep.spec_of(subject))
    folder.open(subject)
    for shard in folder.shards[:shards]:
        x = subject.x[shard.start : shard.stop].numpy()
        rng = np.random.default_rng(zlib.crc32(shard.name.encode()) + sweep.seed)
        change = rng.uniform(-shard.cell.eps, shard.cell.eps, x.shape).astype(np.float32)
        measured = Measured(_made_up(shard, rng), np.clip(x + change, 0, 1))
        folder.artefact.put(shard.name, measured.arrays(), 0.5)
    if shards is None:
        folder.finish(folder.result())
    total = len(folder.shards)
    done = total if shards is None else shards
    write_progress(folder.path, Progress(title=sweep.name, done=done, total=total, complete=done == total))
    return folder.path


def _made_up(shard: Shard, rng: np.random.Generator) -> ImageTable:
    """Image 3 does not count, image 5 is not fooled; MinMax keeps about a nat more than PGD."""
    index = np.arange(shard.start, shard.stop)
    correct = index != 3
    mi = rng.normal(2.0 if shard.cell.method.startswith("minmax") else 1.0, 0.1, len(index))
    floats = {name: np.where(correct, mi, np.nan) for name in ("information", "mi", "mi_loop")}
    floats["kept"] = floats["mi"] / 4
    for name in ("criterion", "l0", "l1", "l2", "linf", "psnr", "ssim"):
        floats[name] = np.where(correct, rng.random(len(index)), np.nan)
    success = correct & (index != 5)
    queries = np.where(correct, 40, 0)
    return ImageTable.from_arrays(
        {"index": index, "correct": correct, "success": success, "queries": queries, **floats}
    )


class Tab:
    """One visitor of a page."""

    def __init__(self, page: str, query: dict[str, str]) -> None:
        self.page = page
        self.app = AppTest.from_file(str(APP), default_timeout=60)
        self.app.query_params.update(query)
        self.app.switch_page(SCRIPTS[page])
        self.app.run()

    def key(self, name: str) -> str:
        return f"{self.page}.{name}"

    def has(self, label: str) -> bool:
        return any(button.label == label for button in self.app.button)

    def press(self, label: str) -> None:
        next(button for button in self.app.button if button.label == label).click().run()

    def wait(self, done: Callable[[Any], bool], seconds: float = 200) -> Any:
        """Look at the page's job, as somebody would who watches it, until it is as wanted."""
        job, deadline = self.app.session_state[self.key("job")], time.monotonic() + seconds
        while (now := shared().get(job)) is not None and not done(now):
            shared().touch(job)
            assert time.monotonic() < deadline, f"still {now.state} after {seconds} s"
            time.sleep(0.02)
        return now

    def finish(self, seconds: float = 200) -> Any:
        """Wait for the end of the page's job, and draw it."""
        now = self.wait(lambda snapshot: not snapshot.active, seconds)
        self.app.run()
        return now

    @property
    def said(self) -> str:
        app = self.app
        kinds = (app.title, app.markdown, app.caption, app.error, app.warning, app.info, app.code)
        words = [str(element.value) for kind in kinds for element in kind]
        words += [element.proto.text for element in app.get("progress")]
        return " ".join([*words, *(element.proto.body for element in app.get("html"))])

    @property
    def charts(self) -> list[Any]:
        """The plotly figures on the page, as they are sent."""
        return [json.loads(element.proto.spec) for element in self.app.get("plotly_chart")]

    @property
    def downloads(self) -> set[str]:
        return {element.proto.label for element in self.app.get("download_button")}


def assert_unwritable_is_one_sentence(visit: Callable[[Path], Tab], tmp_path: Path) -> None:
    """A page whose folder of results is a file says so when its job starts."""
    occupied = tmp_path / "occupied"
    occupied.write_text("a file where a folder should be")
    tab = visit(occupied)
    tab.press("Start")
    assert tab.finish().state == "failed"
    (error,) = tab.app.error
    assert "occupied" in error.value
