"""Which colour space an image's values belong to."""

import functools
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms, ImageFile

from manifests.errors import RejectedItem
from manifests.records import Reason
from pixels.arrays import Pixels
from pixels.exif import ExifNotes

_TOLERANCE = 4  # levels of 255; sRGB profiles of many makers differ by 1, the nearest other space seen by 58
_SRGB_GAMMA = 0.45455
_SRGB_CHROMATICITIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)


def check_srgb(image: ImageFile.ImageFile, exif: ExifNotes) -> None:
    """Refuse an image whose values are not sRGB. What carries no mark at all counts as sRGB.

    Raises:
        RejectedItem: `colour-profile`.
    """
    profile = image.info.get("icc_profile")
    if profile:
        _check_profile(profile)
    elif image.format == "PNG" and "srgb" not in image.info:
        _check_png_chunks(image)
    elif exif.adobe_rgb:
        raise RejectedItem(Reason.COLOUR_PROFILE, "marked as Adobe RGB in EXIF")


@functools.lru_cache(maxsize=64)
def srgb_distance(profile: bytes) -> int:
    """How far an ICC profile is from sRGB, whatever it calls itself.

    A 9x9x9 grid of colours is converted to sRGB (relative colorimetric); the answer is the largest change of a
    channel, in levels of 255.

    Raises:
        ImageCms.PyCMSError: the profile cannot be read, or is not one for RGB.
    """
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    probe = Image.fromarray(_probe_colours())
    converted = ImageCms.profileToProfile(
        probe,
        source,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
    )
    difference = np.asarray(converted, dtype=np.int16) - np.asarray(probe, dtype=np.int16)
    return int(np.abs(difference).max())


def _check_profile(profile: bytes) -> None:
    try:
        distance = srgb_distance(profile)
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise RejectedItem(Reason.COLOUR_PROFILE, "a profile that cannot be read as one for RGB") from error
    if distance > _TOLERANCE:
        raise RejectedItem(Reason.COLOUR_PROFILE, f"a profile that moves colours by up to {distance} levels from sRGB")


def _check_png_chunks(image: ImageFile.ImageFile) -> None:
    gamma = image.info.get("gamma", _SRGB_GAMMA)
    if abs(gamma - _SRGB_GAMMA) > 0.005:
        raise RejectedItem(Reason.COLOUR_PROFILE, f"gamma {gamma:g}, sRGB has {_SRGB_GAMMA:g}")
    chromaticities = image.info.get("chromaticity", _SRGB_CHROMATICITIES)
    if not np.allclose(chromaticities, _SRGB_CHROMATICITIES, rtol=0, atol=0.005):
        raise RejectedItem(Reason.COLOUR_PROFILE, "primaries or white other than those of sRGB")


def _probe_colours() -> Pixels:
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(27, 27, 3)
