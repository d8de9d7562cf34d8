"""The page runs."""

from advmi_core.ui import runs

runs.page()
