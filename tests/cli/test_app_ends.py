"""`advmi app` as a newcomer starts it: no question in the terminal, a page within a minute, care.

A signal to it ends its server too.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

_ASKED = "ASKED-FOR-AN-ADDRESS"
# The command as it is, but for a word whenever its server looks another host's name up.
_COMMAND = f"""
import os, socket, sys
from pathlib import Path
hook = Path(sys.argv.pop(1))
hook.joinpath("sitecustomize.py").write_text('''
import socket
ask = socket.getaddrinfo
def told(host, *rest, **more):
    if host not in ("localhost", "127.0.0.1", "::1", None):
        print("{_ASKED}", host, flush=True)
    return ask(host, *rest, **more)
socket.getaddrinfo = told
''')
os.environ["PYTHONPATH"] = os.pathsep.join([str(hook), os.environ.get("PYTHONPATH", "")])
from advmi_core.cli import app
app()
"""


class App:
    """``advmi app`` on a free port; what it printed is in ``log``."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _COMMAND, str(folder), "app", f"--port={self.port}"],
                # An empty home: Streamlit has never run here. BROWSER=true: a browser that opens nothing.
                env={**os.environ, "HOME": str(folder), "BROWSER": "true"}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while not self.answers():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, "the app did not come up"
            time.sleep(0.3)

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stcore/health", timeout=5).close()
        except OSError:
            return False
        return True

    def knock(self, origin: str) -> None:
        """Open a tab's websocket from a page of ``origin``."""
        address = f"ws://127.0.0.1:{self.port}/_stcore/stream"
        with connect(address, origin=origin, proxy=None):  # type: ignore[arg-type]
            pass


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    started = App(tmp_path)
    yield started
    if started.process.poll() is None:
        os.killpg(started.process.pid, signal.SIGKILL)
        started.process.wait(20)


def ends_by(app: App, number: signal.Signals) -> None:
    app.process.send_signal(number)  # to the one process that was started, not to its group
    app.process.wait(20)
    deadline = time.monotonic() + 5
    while app.answers():
        assert time.monotonic() < deadline, "the server outlived the command"
        time.sleep(0.2)


def refuses_a_foreign_page_at_once_and_without_a_question_to_other_hosts(app: App) -> None:
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(InvalidStatus):
            app.knock("http://elsewhere.example")
    assert time.monotonic() - began < 3
    app.knock(f"http://127.0.0.1:{app.port}")
    assert _ASKED not in app.log.read_text()


def lets_no_other_site_frame_it_and_no_picture_come_from_elsewhere(app: App) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{app.port}/", timeout=10) as answer:
        assert answer.status == 200
        policy, frames = (answer.headers[name] for name in ("Content-Security-Policy", "X-Frame-Options"))
    assert frames == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in policy
    assert "img-src 'self' data: blob:" in policy


@pytest.mark.slow
@pytest.mark.fault("L7")
@pytest.mark.fault("L9")
@pytest.mark.skipif(sys.platform == "win32", reason="signals are the POSIX way")
def test_a_newcomer_s_app_is_careful_with_strangers_and_ends_by_a_signal(app: App) -> None:
    lets_no_other_site_frame_it_and_no_picture_come_from_elsewhere(app)
    refuses_a_foreign_page_at_once_and_without_a_question_to_other_hosts(app)
    ends_by(app, signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.fault("L7")
@pytest.mark.skipif(sys.platform == "win32", reason="signals are the POSIX way")
def test_a_killed_command_leaves_no_server(app: App) -> None:
    ends_by(app, signal.SIGKILL)
