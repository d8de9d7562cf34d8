"""`advmi app` as a newcomer starts it: no question in the terminal, and a page within a minute."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="process groups are ended the POSIX way")
def test_the_app_comes_up_for_a_user_without_streamlit_settings(tmp_path: Path) -> None:
    port = _free_port()
    # An empty home: Streamlit has never run here. BROWSER=true: a browser that opens nothing.
    environment = {**os.environ, "HOME": str(tmp_path), "BROWSER": "true"}
    process = subprocess.Popen(
        [sys.executable, "-c", "from advmi_core.cli import app; app()", "app", "--port", str(port)],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        status = 0
        while time.monotonic() < deadline and status != 200:
            assert process.poll() is None, "the app ended by itself"
            time.sleep(0.5)
            try:
                with urllib.request.urlopen(f"http://localhost:{port}/", timeout=5) as answer:
                    status = answer.status
            except OSError:
                continue
        assert status == 200
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)
