"""The page Defence."""

from advmi_core.ui import defence

defence.page()
