"""Figures, tables and text of a retraining study."""
