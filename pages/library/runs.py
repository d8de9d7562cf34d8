"""The page runs."""

from advmi_core.ui.runs import page as runs

runs.page()
