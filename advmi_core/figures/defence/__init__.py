"""Figures, tables and text of a defence study."""
