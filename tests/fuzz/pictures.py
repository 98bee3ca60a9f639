"""Small whole files: an image in every format, and tables and archives of them."""

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from PIL.ImageCms import ImageCmsProfile, createProfile

SIDE = 24
_FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 90},
    "PNG": {},
    "WEBP": {"quality": 80},
    "GIF": {},
    "BMP": {},
    "TIFF": {},
    "AVIF": {},
    "JPEG2000": {},
    "PPM": {},
    "ICO": {},
    "TGA": {},
    "ICNS": {},
    "DDS": {},
    "PCX": {},
    "SGI": {},
}


def picture(number: int = 0) -> Image.Image:
    """A picture of `SIDE` pixels square, RGB."""
    pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encoded(image: Image.Image, file_format: str = "JPEG", **options: Any) -> bytes:
    """An image's file."""
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


@cache
def formats() -> tuple[bytes, ...]:
    """The picture in every format."""
    return tuple(encoded(picture(), name, **options) for name, options in _FORMATS.items())


@cache
def odd_kinds() -> tuple[bytes, ...]:
    """What images can be beside RGB, of one frame, and without metadata."""
    image = picture()
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a cone"
    exif.get_ifd(0x8769)[0x9286] = "a comment"
    exif.get_ifd(0x8825)[1] = "N"
    deep = Image.fromarray(np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE))
    profile = ImageCmsProfile(createProfile("sRGB")).tobytes()
    frames = [picture(number) for number in (1, 2)]
    return (
        encoded(image, exif=exif, icc_profile=profile, progressive=True, subsampling=2),
        encoded(image, "PNG", exif=exif, icc_profile=profile),
        encoded(image, "WEBP", exif=exif, icc_profile=profile, lossless=True),
        encoded(image, "TIFF", exif=exif, icc_profile=profile, compression="tiff_lzw"),
        encoded(image.convert("CMYK")),
        encoded(image.convert("CMYK"), "TIFF"),
        encoded(image.convert("L")),
        encoded(image.convert("P"), "PNG"),
        encoded(image.convert("1"), "TIFF"),
        encoded(image.convert("RGBA"), "PNG"),
        encoded(image.convert("RGBA"), "WEBP"),
        encoded(deep, "PNG"),
        encoded(deep, "TIFF"),
        encoded(image, "GIF", save_all=True, append_images=frames),
        encoded(image, "WEBP", save_all=True, append_images=frames),
        encoded(image, "PNG", save_all=True, append_images=frames),
        encoded(image, "TIFF", save_all=True, append_images=frames),
    )


def parquet(columns: Mapping[str, Sequence[Any]], **options: Any) -> bytes:
    """A Parquet file, with the features that a Hub's library writes of its labels."""
    names = {"label": {"names": ["real", "fake"], "_type": "ClassLabel"}}
    table = pa.table({name: pa.array(cells) for name, cells in columns.items()})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": names}})})
    stream = io.BytesIO()
    pq.write_table(table, stream, row_group_size=3, **options)
    return stream.getvalue()


def tar_of_oddities() -> bytes:
    """A tar of links, devices, pipes, and a name that stands twice."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for number, kind in enumerate(
            (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE)
        ):
            info = tarfile.TarInfo(f"a/{number}.jpg")
            info.type, info.linkname, info.devmajor = kind, "../../../canary", 1
            archive.addfile(info)
        data = encoded(picture())
        for name in ("a/9.jpg", "a/9.jpg", "../../../canary.jpg", "/canary.jpg"):
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = len(data), {"comment": "x" * 3000}
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip; names may lead anywhere."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()
