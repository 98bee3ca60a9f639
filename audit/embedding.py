"""Images and texts as vectors whose inner product says how alike they are."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audit.features import thumbnail
from pixels.arrays import Pixels

Vectors = NDArray[np.float32]

_SIDE = 12
_LEVELS = 6


class Embedder(Protocol):
    """Gives vectors of unit length, shape (items, dimensions), float32."""

    @property
    def name(self) -> str:
        """What the report calls it."""
        ...

    def images(self, pixels: Sequence[Pixels]) -> Vectors:
        """A vector an image, each image of shape (height, width, 3), uint8 sRGB."""
        ...

    def texts(self, texts: Sequence[str]) -> Vectors | None:
        """A vector a text in the images' own space; None where the embedder reads no text."""
        ...


class PlainEmbedder:
    """What can be said without a model: a small picture of the scene, and how often each colour occurs.

    The picture is standardised, so that the layout counts and not the exposure; the colours are a joint histogram of
    red, green and blue whose square roots are compared (the Bhattacharyya coefficient). Both halves weigh the same.
    """

    name = "thumbnail and colours"

    def images(self, pixels: Sequence[Pixels]) -> Vectors:
        """A vector an image; see `Embedder`."""
        return np.array([_plain(image) for image in pixels], dtype=np.float32)

    def texts(self, texts: Sequence[str]) -> Vectors | None:  # noqa: ARG002 - the protocol's
        """None: no text is understood."""
        return None


def _plain(pixels: Pixels) -> Vectors:
    layout = thumbnail(pixels, _SIDE)
    bins = (pixels.reshape(-1, 3).astype(np.int32) * _LEVELS) // 256
    joint = (bins[:, 0] * _LEVELS + bins[:, 1]) * _LEVELS + bins[:, 2]
    colours = np.sqrt(np.bincount(joint, minlength=_LEVELS**3).astype(np.float32))
    both: Vectors = np.concatenate([_unit(layout - layout.mean()), _unit(colours)])
    return _unit(both)


def _unit(vector: Vectors) -> Vectors:
    length = float(np.linalg.norm(vector))
    return vector if length == 0 else np.asarray(vector / length, dtype=np.float32)
