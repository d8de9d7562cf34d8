"""The app's server: ``python -m advmi_core.ui.serve [streamlit options]``.

Streamlit loads an app with its first visitor. This starts loading at once, so that the first visitor does
not wait for torch, and tells Streamlit beforehand that app.py knows the pages itself: because a folder
``pages`` lies beside app.py, the first link to a page would otherwise greet with "Page not found".
"""

from __future__ import annotations

import sys

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import cli

from advmi_core.paths import app_root
from advmi_core.ui import guard, resources


def main(options: list[str]) -> None:
    """Serve until stopped."""
    PagesManager.uses_pages_directory = False
    guard.install()
    resources.start()
    sys.argv = ["streamlit", "run", str(app_root() / "app.py"), *options]
    cli.main()


if __name__ == "__main__":
    main(sys.argv[1:])
