import io
from itertools import product

import numpy as np
import pytest
from PIL import Image

from classifier import decoding
from manifests.errors import RejectedItem
from pixels import decode as plain


def encoded(mode: str = "RGB", size: tuple[int, int] = (61, 47), **settings: object) -> bytes:
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    small.convert(mode).save(buffer, **{"format": "JPEG", **settings})
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("quality", "subsampling", "progressive", "side"), list(product((30, 95), (0, 1, 2), (False, True), (16, 61)))
)
def test_the_faster_decoder_gives_the_same_pixels(quality: int, subsampling: int, progressive: bool, side: int):
    pytest.importorskip("simplejpeg")
    data = encoded(size=(side, 47), quality=quality, subsampling=subsampling, progressive=progressive)
    assert (decoding.decode(data) == plain.decode(data)).all()


@pytest.mark.parametrize("settings", [{"mode": "L"}, {"format": "PNG"}, {"format": "WEBP"}, {"keep_rgb": True}])
def test_other_images_are_decoded_too(settings: dict[str, object]):
    data = encoded(**settings)
    assert (decoding.decode(data) == plain.decode(data)).all()


@pytest.mark.parametrize("damaged", [encoded()[:-200], b"not an image", encoded("CMYK")])
def test_what_is_refused_is_refused_as_everywhere(damaged: bytes):
    with pytest.raises(RejectedItem) as expected:
        plain.decode(damaged)
    with pytest.raises(RejectedItem) as given:
        decoding.decode(damaged)
    assert given.value.reason == expected.value.reason
