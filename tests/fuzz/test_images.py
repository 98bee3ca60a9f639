"""Images of every format, damaged: what they are, what they say of themselves, and their pixels."""

from collections.abc import Callable
from pathlib import Path

from audit.headers import read_headers
from classifier.decoding import decode as decode_a_member
from classifier.images import judged_pixels
from manifests.errors import RejectedItem
from pages.app import pictures as shown
from pixels.config import ScreenRules
from pixels.decode import decode, load, open_image
from pixels.inspect import inspect
from pixels.metadata import read_metadata
from tests.fuzz.harness import Target, survive
from tests.fuzz.pictures import formats, odd_kinds


def _words(data: bytes) -> object:
    image = open_image(data)
    load(image)
    return read_metadata(image, data)


_RULES = ScreenRules(min_side=16)
_READERS: tuple[Callable[[bytes], object], ...] = (
    lambda data: inspect(data, _RULES),
    decode,
    decode_a_member,
    _words,
    shown.whole,
    shown.reduced,
    shown.size,
    lambda data: shown.difference(data, data, 4),
    read_headers,
)


def read(file: Path) -> None:
    """Everything that is ever asked of an image's bytes; it counts as read where a detector would judge it."""
    data = file.read_bytes()
    for reader in _READERS:
        try:
            reader(data)
        except RejectedItem:
            continue
    judged_pixels(data)


def valid() -> tuple[bytes, ...]:
    """Whole images; some of their kinds are refused."""
    return (*formats(), *odd_kinds())


def test_damaged_images_are_read_or_rejected(tmp_path: Path):
    outcomes = survive(Target("images", "image", valid, read, examples=120), tmp_path)

    assert outcomes["rejected"]
    assert outcomes["read"]
