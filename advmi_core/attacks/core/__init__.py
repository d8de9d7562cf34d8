"""Base of all attacks: run, records, best iterates, gradients, ball, memory, the MI term."""
