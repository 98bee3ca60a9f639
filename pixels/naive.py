"""The naive mode: what is done where nobody aligns. It exists to show the difference that alignment makes."""

from collections.abc import Mapping

import numpy as np

from manifests.records import Encoding, ImageFacts
from pixels.arrays import Pixels
from pixels.config import NaiveRules
from pixels.decode import decode
from pixels.encode import encode, png
from pixels.orient import to_upright
from pixels.resize import resize
from pixels.sniff import sniff

_STORED = ("JPEG", "PNG", "WEBP")


def naive_pair(real: bytes, fakes: Mapping[str, Pixels], rules: NaiveRules, facts: ImageFacts) -> dict[str, bytes]:
    """Store the real as it came, or cut square, resized and saved as a JPEG; the fakes as PNGs of their own size.

    A shard holds JPEG, PNG and WebP: a real of another format (BMP, TIFF) becomes a PNG of its pixels, upright.

    Args:
        real: the real image's bytes as they came.
        fakes: by generator, shape (height, width, 3), as the generators returned them.
        rules: whether reals are resized.
        facts: of the real image.

    Returns:
        The bytes of `real` and of each generator.

    Raises:
        RejectedItem: the real cannot be decoded.
    """
    members = {name: png(pixels) for name, pixels in fakes.items()}
    return {"real": _naive_real(real, facts, rules), **members}


def _naive_real(data: bytes, facts: ImageFacts, rules: NaiveRules) -> bytes:
    if rules.resize is None:
        return data if sniff(data) in _STORED else png(to_upright(decode(data), facts))
    square = _central_square(to_upright(decode(data), facts))
    encoding = Encoding(format="JPEG", quality=rules.quality, subsampling="4:2:0")
    return encode(resize(square, rules.resize, "bicubic"), encoding)


def _central_square(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])
