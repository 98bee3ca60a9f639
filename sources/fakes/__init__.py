"""Sets of images that somebody else generated: labels read by name, pairs where the set has them."""
