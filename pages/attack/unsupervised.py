"""The page unsupervised."""

from advmi_core.ui.attack import unsupervised

unsupervised.page()
