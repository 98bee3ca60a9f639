"""Augmentation in step: all members of a pair go through the same draw.

Were the members cropped or recompressed each in its own way, the difference would be noise to the comparison that a pair
is made for (Rajan et al., "Aligned Datasets Improve Detection of Latent Diffusion-Generated Images", ICLR 2025).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.config import AugmentationConfig
from manifests.errors import DatasetError
from manifests.records import Encoding
from manifests.seeds import seed
from pixels.decode import decode
from pixels.encode import encode


@dataclass(frozen=True)
class Draw:
    """What is done to every member of one pair.

    Attributes:
        across, down: where the window stands, from 0 (left, top) to below 1 (right, bottom). Shares and not pixels,
            because the members of a pair that was not aligned may differ in size.
        flip: whether left and right are swapped.
        jpeg_quality: quality of one more JPEG pass; None for none.
    """

    across: float
    down: float
    flip: bool = False
    jpeg_quality: int | None = None


def draw(config: AugmentationConfig, training_seed: int, epoch: int, pair_id: str) -> Draw:
    """The draw of one pair in one epoch: it depends on nothing else, so neither on order nor on the number of readers."""
    rng = np.random.default_rng(seed("augment", training_seed, epoch, pair_id))
    across, down, flip, jpeg = rng.random(4)
    quality = int(rng.integers(config.jpeg_quality[0], config.jpeg_quality[1], endpoint=True))
    return Draw(
        across=across if config.random_crop else 0.5,
        down=down if config.random_crop else 0.5,
        flip=bool(flip < config.flip),
        jpeg_quality=quality if jpeg < config.jpeg else None,
    )


def apply(drawn: Draw, pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Window, flip and JPEG pass of one image.

    Args:
        drawn: what to do.
        pixels: (H, W, 3) RGB.
        size: side of the window, pixels.

    Returns:
        (size, size, 3) RGB.

    Raises:
        DatasetError: the image is smaller than the window; nothing is ever enlarged.
    """
    window = crop(pixels, size, drawn.across, drawn.down)
    if drawn.flip:
        window = window[:, ::-1]
    if drawn.jpeg_quality is not None:
        window = decode(encode(window, Encoding(quality=drawn.jpeg_quality, subsampling="4:2:0")))
    return np.ascontiguousarray(window)


def centre(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The central (size, size, 3) window of an (H, W, 3) image: what evaluation looks at.

    Raises:
        DatasetError: the image is smaller than the window.
    """
    return crop(pixels, size, 0.5, 0.5)


def crop(pixels: NDArray[np.uint8], size: int, across: float, down: float) -> NDArray[np.uint8]:
    """A (size, size, 3) window of an (H, W, 3) image, its place given as shares in [0, 1) of the places there are.

    Raises:
        DatasetError: the image is smaller than the window.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < size:
        raise DatasetError(
            f"an image of {width} x {height} pixels is smaller than image_size = {size}, and nothing is enlarged here: "
            f"set image_size to {min(height, width)} or less."
        )
    left = int(across * (width - size + 1))
    top = int(down * (height - size + 1))
    return pixels[top : top + size, left : left + size]
