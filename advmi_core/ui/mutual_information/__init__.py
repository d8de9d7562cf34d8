"""Mutual information: what it is, how it is estimated, and where the estimates go wrong."""
