"""The page supervised."""

from advmi_core.ui import supervised

supervised.page()
