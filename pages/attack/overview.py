"""The page overview."""

from advmi_core.ui import overview

overview.page()
