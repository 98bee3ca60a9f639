"""The scripts that trained the weights in ``demo/models``: ``python -m demo.training --help``."""
