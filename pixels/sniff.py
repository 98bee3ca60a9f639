"""What a file is, by its first bytes; its name and its declared type are not asked."""

from manifests.errors import RejectedItem
from manifests.records import Reason

_HEIF_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"heim": "HEIC",
    b"heis": "HEIC",
    b"hevc": "HEIC",
    b"hevx": "HEIC",
    b"mif1": "HEIF",
    b"msf1": "HEIF",
}
_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\xff\x0a", "JPEG-XL"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG-XL"),
)


def sniff(data: bytes) -> str:
    """Name the image format: JPEG, PNG, WEBP, GIF, BMP, TIFF, AVIF, HEIC, HEIF, JPEG2000 or JPEG-XL.

    Raises:
        RejectedItem: `not-an-image` where the bytes begin like none of these.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return _HEIF_BRANDS[data[8:12]]
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    what = f"{len(data)} bytes that begin with {data[:8]!r}" if data else "the file is empty"
    raise RejectedItem(Reason.NOT_AN_IMAGE, what)
