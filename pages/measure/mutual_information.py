"""The page mutual information."""

from advmi_core.ui import mutual_information

mutual_information.page()
