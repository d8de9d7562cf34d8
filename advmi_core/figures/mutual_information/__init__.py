"""Figures of the page Mutual information."""
