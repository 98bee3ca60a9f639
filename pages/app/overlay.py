"""A heat map laid over the pixels that it belongs to, and pictures as `data:` URIs."""

import base64
import io
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_COLOURS = {"real": (23, 168, 154), "fake": (232, 108, 40)}
_STRONGEST = 0.8
"""How much of a place's colour is the map's, where the map is strongest."""


def overlaid(
    window: NDArray[np.uint8], heat: NDArray[np.float32], verdict: Literal["real", "fake"]
) -> NDArray[np.uint8]:
    """A window in grey, coloured where something spoke for the verdict.

    Args:
        window: (S, S, 3).
        heat: (S, S) in [0, 1].
        verdict: whose colour is taken.

    Returns:
        (S, S, 3).
    """
    grey = window @ np.array((0.299, 0.587, 0.114))
    share = (_STRONGEST * heat)[:, :, None]
    mixed = grey[:, :, None] * (1 - share) + np.array(_COLOURS[verdict]) * share
    shown: NDArray[np.uint8] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return shown


def png(pixels: NDArray[np.uint8]) -> str:
    """Pixels, losslessly, as a `data:` URI."""
    return _uri(pixels, "PNG")


def jpeg(pixels: NDArray[np.uint8]) -> str:
    """Pixels, nearly, as a `data:` URI."""
    return _uri(pixels, "JPEG")


def _uri(pixels: NDArray[np.uint8], form: str) -> str:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form)
    return f"data:image/{form.lower()};base64,{base64.b64encode(stream.getvalue()).decode()}"
