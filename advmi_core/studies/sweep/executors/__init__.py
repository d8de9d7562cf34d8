"""Executors of a sweep: this process, processes of this machine, Ray."""
