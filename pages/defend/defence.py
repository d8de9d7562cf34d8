"""The page Defence."""

from advmi_core.ui.defence import page as defence

defence.page()
