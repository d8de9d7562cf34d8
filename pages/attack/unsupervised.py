"""The page unsupervised."""

from advmi_core.ui import unsupervised

unsupervised.page()
