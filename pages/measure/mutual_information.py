"""The page mutual information."""

from advmi_core.ui.mutual_information import page as mutual_information

mutual_information.page()
