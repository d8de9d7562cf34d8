"""Autoencoders: the retraining study, its form, its progress, its figures and its files."""
