"""The page Autoencoders."""

from advmi_core.ui.autoencoders import page as autoencoders

autoencoders.page()
