"""The page Autoencoders."""

from advmi_core.ui import autoencoders

autoencoders.page()
