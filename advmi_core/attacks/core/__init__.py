"""What all attacks stand on: run, records, best iterates, gradients, ball, memory, the MI term."""
