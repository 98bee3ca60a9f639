"""How an image becomes the square that a network sees: a window of it, or all of it made smaller first."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from PIL import Image

from classifier.augmentations.degradation import KERNELS, KernelName
from classifier.config import ClassifierConfig, Fit
from classifier.jpeg_part import Box
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
        height, width = pixels.shape[:2]
        return self.window_of_part(self.part(width, height, place).cut(pixels), place)

    def part(self, width: int, height: int, place: Place = CENTRE) -> Box:
        """What `window_of_part` needs of an image of this size; nothing else of it need be decoded.

        Raises:
            DatasetError: the image is smaller than the square, and `fit` is `crop`.
        """
        if self.fit == "crop":
            return _window(width, height, self.size, place)
        return _not_too_long(width, height, place) if place.area is None else _share(width, height, place)

    def window_of_part(self, pixels: Pixels, place: Place = CENTRE) -> Pixels:
        """The (size, size, 3) square, from the pixels of the image's `part`."""
        if self.fit == "crop":
            return pixels
        if place.area is not None:
            return self._resized(np.ascontiguousarray(pixels), self.size, self.size)
        reduced = self._reduced(pixels)
        return _window(reduced.shape[1], reduced.shape[0], self.size, place).cut(reduced)

    def _reduced(self, pixels: Pixels) -> Pixels:
        """The whole image with its shorter side at `resize_to`."""
        height, width = pixels.shape[:2]
        shorter = min(height, width)
        return self._resized(pixels, self.resize_to * width // shorter, self.resize_to * height // shorter)

    def _resized(self, pixels: Pixels, width: int, height: int) -> Pixels:
        if pixels.shape[:2] == (height, width):
            return pixels
        return np.asarray(Image.fromarray(pixels).resize((width, height), KERNELS[self.kernel]))


def _window(width: int, height: int, size: int, place: Place) -> Box:
    if min(height, width) < size:
        raise DatasetError(
            f"an image of {width} x {height} pixels is smaller than image_size = {size}, and nothing is enlarged here: "
            f"set image_size to {min(height, width)} or less."
        )
    return Box(int(place.across * (width - size + 1)), int(place.down * (height - size + 1)), size, size)


def _not_too_long(width: int, height: int, place: Place) -> Box:
    """The image, or where one side is far longer than the other, the part of it that a window at this place lies in."""
    longest = _LONGEST * min(height, width)
    left = int(place.across * (max(width - longest, 0) + 1))
    top = int(place.down * (max(height - longest, 0) + 1))
    return Box(left, top, min(longest, width), min(longest, height))


def _share(width: int, height: int, place: Place) -> Box:
    """A window by its share of the area; where its shape does not fit into the image, it is cut off at the border."""
    area = (place.area or 1.0) * height * width
    part_width = max(min(round((area * place.ratio) ** 0.5), width), 1)
    part_height = max(min(round((area / place.ratio) ** 0.5), height), 1)
    left = int(place.across * (width - part_width + 1))
    top = int(place.down * (height - part_height + 1))
    return Box(left, top, part_width, part_height)
