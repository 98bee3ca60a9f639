"""What EXIF says about how an image is to be read."""

from dataclasses import dataclass

from PIL import ExifTags, ImageFile

from manifests.errors import RejectedItem
from pixels.failures import decoding

_ADOBE_RGB = "R03"  # DCF 2.0, "optional file": Adobe RGB, usually without a profile


@dataclass(frozen=True)
class ExifNotes:
    """The notes that matter here.

    Attributes:
        orientation: 1 to 8; 1 where there is none that means anything. XMP is asked where EXIF has none.
        adobe_rgb: whether the camera marked the values as Adobe RGB.
    """

    orientation: int
    adobe_rgb: bool


def read_exif(image: ImageFile.ImageFile) -> ExifNotes:
    """Read EXIF from an image whose pixels are loaded (a PNG may carry it behind them).

    What cannot be read counts as absent, as it does in every viewer.
    """
    try:
        with decoding(str(image.format)):
            exif = image.getexif()
            orientation = exif.get(ExifTags.Base.Orientation, 1)
            interoperability = exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex, "")
    except RejectedItem:
        return ExifNotes(orientation=1, adobe_rgb=False)
    return ExifNotes(
        orientation=int(orientation) if orientation in range(1, 9) else 1,
        adobe_rgb=str(interoperability).strip("\x00 ") == _ADOBE_RGB,
    )
