"""Studies: many images measured in parts that are kept on disk, so that a repeat costs nothing."""
