"""The page overview."""

from advmi_core.ui.attack import overview

overview.page()
