"""The page help."""

from advmi_core.ui import help

help.page()
