"""The command line `advmi`."""

from advmi_core.cli.main import app

__all__ = ["app"]
