"""Who computes tasks: this thread, threads, processes of this machine, or Ray; all give the same bytes."""
