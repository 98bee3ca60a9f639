"""Files to upload: good ones, and some that mean harm."""

import io
import struct
import zlib

import numpy as np
from PIL import Image


def encoded(number: int = 0, side: int = 40, form: str = "PNG") -> bytes:
    """Noise."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def bomb(side: int = 20_000) -> bytes:
    """A PNG of a few kilobytes that says it is a square of so many pixels a side, and holds the first rows of it."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(100 * (3 * side + 1)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def endless(scans: int = 1000) -> bytes:
    """A progressive JPEG whose last scan comes again and again: a few bytes each, and a pass over the image."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 120, 30)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * scans + data[-2:]


HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty.jpg": (b"", "not-an-image"),
    "page.png": (b"<html><script>alert(1)</script></html>", "not-an-image"),
    "archive.jpg": (b"PK\x03\x04" + bytes(60), "not-an-image"),
    "cut.png": (encoded()[:200], "truncated"),
    "bomb.png": (bomb(), "too-large"),
    "scans.jpg": (endless(), "too-large"),
    "small.png": (encoded(side=8), "too-small"),
}
"""By name: bytes, and why they cannot be judged."""

POLYGLOT = encoded() + b"PK\x03\x04<script>alert(1)</script>"
"""An image that is an archive and a page as well: its pixels are all that counts."""
