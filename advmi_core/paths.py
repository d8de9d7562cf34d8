"""Paths of AdvMI's own files and of the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent


def app_root() -> Path:
    """The folder that holds app.py, pages/, assets/ and .streamlit/.

    In a source checkout that is the repository; in an installed wheel, the bundle inside the package.
    """
    bundle = _PACKAGE / "_bundle"
    return bundle if bundle.is_dir() else _PACKAGE.parent


def assets() -> Path:
    """Embedded data and trained weights."""
    return app_root() / "assets"


def studies() -> Path:
    """Where studies of app and command line lie unless told otherwise, so that one finds the other's."""
    return cache() / "studies"


def cache() -> Path:
    """Downloads of the user: ``$ADVMI_CACHE`` or the platform's cache folder."""
    override = os.environ.get("ADVMI_CACHE")
    return Path(override) if override else Path(platformdirs.user_cache_dir("advmi"))
