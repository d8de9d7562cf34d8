"""MI vs ASR: a sweep of attacks over ε, its form, its progress, its figures and its files."""
