"""Figures, tables and text of a robustness study."""
