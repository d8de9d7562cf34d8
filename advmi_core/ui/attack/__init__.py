"""Overview, Supervised and Unsupervised: one attack on a few images, live."""
