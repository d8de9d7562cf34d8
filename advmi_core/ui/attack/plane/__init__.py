"""One image attacked with many settings as one batch: the plane of ε and w, and what may stay."""
