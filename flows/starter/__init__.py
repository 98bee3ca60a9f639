"""A first recipe, from a few answers: what `twinset init` asks for, and the commented file that comes of it."""
