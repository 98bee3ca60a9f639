"""What may be done to the images of a pair while training: a file a step, each with its settings."""
