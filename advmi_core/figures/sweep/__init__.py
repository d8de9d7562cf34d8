"""Figures, tables and text of a sweep."""
