"""The header of a WebP file, read before any decoder sees it.

A decoder reserves the whole canvas when it is opened, and does not say whether the picture was coded lossily.
Layout: RFC 9649, "WebP Image Format".
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class WebpHeader:
    """What the chunks of a WebP file say."""

    width: int
    height: int
    lossless: bool
    animated: bool


def read_webp_header(data: bytes) -> WebpHeader:
    """Read size and kind from the chunks of a WebP file.

    Raises:
        ValueError: the chunks describe no picture.
    """
    chunks: dict[str, bytes] = {}
    for name, start, size in _chunks(data):
        chunks.setdefault(name, data[start : start + min(size, 10)])
    if "VP8X" in chunks and len(chunks["VP8X"]) >= 10:
        extended = chunks["VP8X"]
        width = int.from_bytes(extended[4:7], "little") + 1
        height = int.from_bytes(extended[7:10], "little") + 1
        animated = bool(extended[0] & 0b10)
        return WebpHeader(width, height, lossless="VP8L" in chunks, animated=animated)
    if "VP8L" in chunks and len(chunks["VP8L"]) >= 5:
        bits = int.from_bytes(chunks["VP8L"][1:5], "little")
        return WebpHeader((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, lossless=True, animated=False)
    if "VP8 " in chunks and len(chunks["VP8 "]) >= 10:
        frame = chunks["VP8 "]
        width = int.from_bytes(frame[6:8], "little") & 0x3FFF
        height = int.from_bytes(frame[8:10], "little") & 0x3FFF
        return WebpHeader(width, height, lossless=False, animated=False)
    raise ValueError("no VP8, VP8L or VP8X chunk")


def read_webp_chunk(data: bytes, wanted: str) -> bytes:
    """The content of the first chunk of that name; empty where there is none."""
    return next((data[start : start + size] for name, start, size in _chunks(data) if name == wanted), b"")


def _chunks(data: bytes) -> Iterator[tuple[str, int, int]]:
    """The chunks' names, where their contents begin, and their sizes in bytes as the file gives them."""
    start = 12
    while start + 8 <= len(data):
        name = data[start : start + 4].decode("latin-1")
        size = int.from_bytes(data[start + 4 : start + 8], "little")
        yield name, start + 8, size
        start += 8 + size + size % 2
