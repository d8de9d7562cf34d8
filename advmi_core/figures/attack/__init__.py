"""Figures of one attack: live curves, the stage's payload, the plane of ε and w, and files."""
