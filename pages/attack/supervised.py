"""The page supervised."""

from advmi_core.ui.attack import supervised

supervised.page()
