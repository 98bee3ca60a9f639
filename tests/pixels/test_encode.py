from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from manifests.records import Encoding
from pixels.arrays import Pixels
from pixels.decode import decode
from pixels.encode import encode, png


@pytest.mark.parametrize(("subsampling", "number"), [("4:4:4", 0), ("4:2:2", 1), ("4:2:0", 2)])
def test_writes_the_quality_and_subsampling_that_are_asked_for(
    draw: Callable[..., Pixels], save: Callable[..., bytes], subsampling: str, number: int
):
    data = encode(draw(), Encoding(quality=88, subsampling=subsampling))
    with Image.open(BytesIO(data)) as image, Image.open(BytesIO(save(draw(), quality=88))) as reference:
        assert get_sampling(image) == number
        assert image.quantization == reference.quantization


@pytest.mark.parametrize("encoding", [Encoding(), Encoding(format="PNG")])
def test_writes_pixels_and_no_metadata(draw: Callable[..., Pixels], encoding: Encoding):
    with Image.open(BytesIO(encode(draw(), encoding))) as image:
        assert image.format == encoding.format
        assert image.mode == "RGB"
        assert not {"exif", "icc_profile", "comment", "xmp", "dpi"} & set(image.info)


def test_the_same_pixels_give_the_same_bytes(draw: Callable[..., Pixels]):
    assert encode(draw(), Encoding()) == encode(draw().copy(), Encoding())


def test_storage_between_stages_is_lossless(draw: Callable[..., Pixels]):
    assert np.array_equal(decode(png(draw())), draw())
    assert np.array_equal(decode(encode(draw(), Encoding(format="PNG"))), draw())
