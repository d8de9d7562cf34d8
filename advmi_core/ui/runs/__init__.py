"""Runs: everything computed so far."""
