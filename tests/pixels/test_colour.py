from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from manifests.errors import RejectedItem
from manifests.records import Reason
from pixels.arrays import Pixels
from pixels.colour import check_srgb, srgb_distance
from pixels.decode import load, open_image
from pixels.exif import read_exif

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# Its description still says sRGB; its red and blue primaries have changed places.
SWAPPED = SRGB.replace(b"rXYZ", b"temp").replace(b"bXYZ", b"rXYZ").replace(b"temp", b"bXYZ")
LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def check(data: bytes) -> None:
    image = open_image(data)
    load(image)
    check_srgb(image, read_exif(image))


def is_refused(data: bytes) -> bool:
    with pytest.raises(RejectedItem) as rejected:
        check(data)
    return rejected.value.reason is Reason.COLOUR_PROFILE


def png_info(**chunks: bytes) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for name, data in chunks.items():
        info.add(name.encode(), data)
    return info


def chromaticities(*values: float) -> bytes:
    return b"".join(round(value * 100_000).to_bytes(4, "big") for value in values)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_no_profile_and_srgb_pass(draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str):
    check(save(draw(), file_format))
    check(save(draw(), file_format, icc_profile=SRGB))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_a_profile_is_judged_by_what_it_does_and_not_by_its_name(
    draw: Callable[..., Pixels], save: Callable[..., bytes], file_format: str
):
    assert is_refused(save(draw(), file_format, icc_profile=SWAPPED))


@pytest.mark.parametrize("profile", [LAB, b"\x00" * 200, SRGB[:300]])
def test_a_profile_that_is_none_for_rgb_is_refused(
    draw: Callable[..., Pixels], save: Callable[..., bytes], profile: bytes
):
    assert is_refused(save(draw(), icc_profile=profile))


def test_the_distance_of_srgb_from_itself_is_nothing():
    assert srgb_distance(SRGB) <= 1
    assert srgb_distance(SWAPPED) > 50


def test_adobe_rgb_that_is_marked_in_exif_alone_is_refused(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.IFD.Interop] = {ExifTags.Interop.InteropIndex: "R03"}
    assert is_refused(save(draw(), exif=exif))
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.IFD.Interop] = {ExifTags.Interop.InteropIndex: "R98"}
    check(save(draw(), exif=exif))


def test_png_chunks_that_describe_srgb_pass(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    info = png_info(
        gAMA=(45455).to_bytes(4, "big"), cHRM=chromaticities(0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
    )
    check(save(draw(), "PNG", pnginfo=info))


def test_png_chunks_that_describe_another_space_are_refused(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    linear = png_info(gAMA=(100_000).to_bytes(4, "big"))
    assert is_refused(save(draw(), "PNG", pnginfo=linear))
    wide = png_info(cHRM=chromaticities(0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06))
    assert is_refused(save(draw(), "PNG", pnginfo=wide))


def test_the_photographs_fall_into_two_kinds_far_apart(photographs: list[Path]):
    distances = []
    for path in photographs[::3]:
        profile = open_image(path.read_bytes()).info.get("icc_profile")
        if profile:
            distances.append(srgb_distance(profile))
    assert {distance for distance in distances if distance <= 4} <= {0, 1}
    assert min(distance for distance in distances if distance > 4) > 50


def test_a_real_adobe_rgb_profile_is_refused(photographs: list[Path]):
    marked = [path for path in photographs if b"Adobe RGB (1998)" in path.read_bytes()[:20_000]]
    assert marked
    assert all(is_refused(path.read_bytes()) for path in marked)


def test_profiles_survive_the_way_into_the_file(draw: Callable[..., Pixels], save: Callable[..., bytes]):
    with Image.open(BytesIO(save(draw(), icc_profile=SWAPPED))) as image:
        assert image.info["icc_profile"] == SWAPPED
