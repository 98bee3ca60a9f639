"""Pictures to test with: drawn ones, which are always there, and photographs where they are."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manifests.records import ImageFacts
from pixels.arrays import Pixels

Draw = Callable[..., Pixels]
Save = Callable[..., bytes]


@pytest.fixture(scope="session")
def draw() -> Draw:
    """A colourful picture with smooth parts, edges, texture and noise; never coded by anything."""

    def drawn(width: int = 160, height: int = 144, *, seed: int = 0) -> Pixels:
        rng = np.random.default_rng(seed)
        rows, columns = np.mgrid[:height, :width]
        picture = np.zeros((height, width, 3))
        for channel in range(3):
            for _ in range(4):
                across, down, phase = rng.uniform(0, 0.2), rng.uniform(0, 0.2), rng.uniform(0, 6)
                picture[..., channel] += np.sin(across * columns + down * rows + phase) / 8
        for _ in range(5):
            centre_x, centre_y, radius = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(8, 30)
            picture[np.hypot(columns - centre_x, rows - centre_y) < radius] += rng.uniform(-0.4, 0.4, 3)
        picture += rng.normal(0, 0.02, picture.shape)
        return np.rint((picture.clip(-0.5, 0.5) + 0.5) * 255).astype(np.uint8)

    return drawn


@pytest.fixture(scope="session")
def save() -> Save:
    """Encode pixels with Pillow's own encoder."""

    def saved(pixels: Pixels, file_format: str = "JPEG", **options: Any) -> bytes:
        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, file_format, **options)
        return buffer.getvalue()

    return saved


@pytest.fixture(scope="session")
def facts_of() -> Callable[..., ImageFacts]:
    def facts(pixels: Pixels, *, orientation: int = 1, rotation: int = 0) -> ImageFacts:
        height, width = pixels.shape[:2]
        return ImageFacts(format="JPEG", width=width, height=height, orientation=orientation, rotation=rotation)

    return facts


@pytest.fixture(scope="session")
def reduced_photographs(photographs: list[Path]) -> list[Pixels]:
    """Colour photographs reduced at least four times: their JPEG history is gone."""
    pictures = []
    for path in photographs[::10]:
        with Image.open(path) as image:
            if image.mode == "RGB" and min(image.size) >= 4 * 100:
                size = (image.width // 4, image.height // 4)
                pictures.append(np.array(image.resize(size, Image.Resampling.LANCZOS)))
    return pictures
