"""Which device a model runs on."""

import torch


def device() -> str:
    """The first GPU where there is one, else the processor."""
    return "cuda" if torch.cuda.is_available() else "cpu"
