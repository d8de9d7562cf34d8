"""Conv against random sampling: MI of many images under several seeds."""
