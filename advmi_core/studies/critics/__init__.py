"""Critics on a known truth and on one image."""
