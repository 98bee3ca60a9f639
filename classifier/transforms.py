"""How an image becomes the square that a network sees: a window of it, or all of it made smaller first."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from PIL import Image

from classifier.augmentations.degradation import KERNELS, KernelName
from classifier.config import ClassifierConfig, Fit
from manifests.errors import DatasetError
from pixels.arrays import Pixels

# longer images are cut before they are resized: at a side of one pixel some kilobytes would become gigabytes
_LONGEST = 16

RESIZED = 256 / 224
"""Shorter side before the window is cut, over the window's side, where nobody says: the custom of ImageNet's evaluation."""


@dataclass(frozen=True)
class Place:
    """Where a window stands. Shares and not pixels: the members of a pair that was not aligned may differ in size.

    Attributes:
        across, down: from 0 (left, top) to below 1 (right, bottom), of the places there are.
        area: share of the image's area, in (0, 1]; None: the window has the size that is asked for.
        ratio: its width over its height, where `area` is given.
    """

    across: float = 0.5
    down: float = 0.5
    area: float | None = None
    ratio: float = 1.0


CENTRE = Place()


@dataclass(frozen=True)
class Preprocessing:
    """From an image of any size to a square one.

    Resizing removes much of what tells a fake from a real, so the default is to crop. Backbones that were published with
    the resizing preprocessing need it nevertheless.

    Attributes:
        size: side of the square, pixels.
        fit: `crop`: a window of the image as it is, nothing is ever resized; `resize`: the shorter side is resized to
            `resize_to` before the window is cut.
        resize_to: pixels; not used by `crop`.
        kernel: of the resizing; reducing widens it by the ratio (antialiasing).
    """

    size: int
    fit: Fit = "crop"
    resize_to: int = 0
    kernel: KernelName = "bilinear"

    @classmethod
    def of(cls, config: ClassifierConfig, size: int) -> Self:
        """What a recipe asks for.

        Args:
            config: the recipe's settings.
            size: side of the square, pixels.
        """
        if config.fit == "crop":
            return cls(size)
        return cls(size, config.fit, config.resize_to or round(size * RESIZED), config.resize_kernel)

    def window(self, pixels: Pixels, place: Place = CENTRE) -> Pixels:
        """The (size, size, 3) square of an (H, W, 3) image; by default the central one, which evaluation looks at.

        Raises:
            DatasetError: the image is smaller than the square, and `fit` is `crop`.
        """
        if self.fit == "crop":
            return crop(pixels, self.size, place.across, place.down)
        if place.area is None:
            return crop(self._reduced(_not_too_long(pixels, place)), self.size, place.across, place.down)
        return self._resized(_part(pixels, place), self.size, self.size)

    def _reduced(self, pixels: Pixels) -> Pixels:
        """The whole image with its shorter side at `resize_to`."""
        height, width = pixels.shape[:2]
        shorter = min(height, width)
        return self._resized(pixels, self.resize_to * width // shorter, self.resize_to * height // shorter)

    def _resized(self, pixels: Pixels, width: int, height: int) -> Pixels:
        if pixels.shape[:2] == (height, width):
            return pixels
        return np.asarray(Image.fromarray(pixels).resize((width, height), KERNELS[self.kernel]))


def centre(pixels: Pixels, size: int) -> Pixels:
    """The central (size, size, 3) window of an (H, W, 3) image.

    Raises:
        DatasetError: the image is smaller than the window.
    """
    return crop(pixels, size, 0.5, 0.5)


def crop(pixels: Pixels, size: int, across: float, down: float) -> Pixels:
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


def _not_too_long(pixels: Pixels, place: Place) -> Pixels:
    """The image, or where one side is far longer than the other, the part of it that a window at this place lies in."""
    height, width = pixels.shape[:2]
    longest = _LONGEST * min(height, width)
    left = int(place.across * (max(width - longest, 0) + 1))
    top = int(place.down * (max(height - longest, 0) + 1))
    return pixels[top : top + longest, left : left + longest]


def _part(pixels: Pixels, place: Place) -> Pixels:
    """A window by its share of the area; where its shape does not fit into the image, it is cut off at the border."""
    height, width = pixels.shape[:2]
    area = (place.area or 1.0) * height * width
    part_width = max(min(round((area * place.ratio) ** 0.5), width), 1)
    part_height = max(min(round((area / place.ratio) ** 0.5), height), 1)
    left = int(place.across * (width - part_width + 1))
    top = int(place.down * (height - part_height + 1))
    return np.ascontiguousarray(pixels[top : top + part_height, left : left + part_width])
