from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from pixels.arrays import Pixels
from pixels.resize import resize


def test_pixels_of_the_right_size_are_left_alone(draw: Callable[..., Pixels]):
    picture = draw(64, 64)
    assert resize(picture, 64, "lanczos") is picture


@pytest.mark.parametrize("kernel", ["lanczos", "bicubic", "box"])
def test_reduces_with_the_named_kernel_in_one_pass(draw: Callable[..., Pixels], kernel: str):
    picture = draw(320, 320)
    expected = Image.fromarray(picture).resize((48, 48), Image.Resampling[kernel.upper()])
    assert np.array_equal(resize(picture, 48, kernel), np.array(expected))


def test_the_kernels_differ(draw: Callable[..., Pixels]):
    results = [resize(draw(320, 320), 48, kernel).tobytes() for kernel in ("lanczos", "bicubic", "box")]
    assert len(set(results)) == 3
