"""Pictures that people bring: bounded decoding and conversion to a model's shape."""
