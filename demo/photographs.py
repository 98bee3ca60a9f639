"""Scenes written to files as photographs come: JPEGs of many sizes, qualities and habits, and a few that are no use.

All is settled by the seed, so the same seed gives the same bytes with the same Pillow.
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from demo.rendering import render
from demo.scenes import Scene, random_scene

# what may be wrong with a photograph; None is the usual case
SOUND = "sound"
FLAWS = ("truncated", "grey", "png")

_SHORT_SIDE = (80, 256)
_ASPECTS = (1.0, 5 / 4, 4 / 3, 3 / 2)
_QUALITY = (60, 97)
_SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")
_MAKES = ("Meridian Optics", "Halden", "Nagasaki Works")
_WITH_EXIF = 0.35
_ROTATED = 0.15
# the turn that takes the upright picture to the stored one, by EXIF orientation and by the degrees (counter-clockwise)
# that a source says must be applied to the stored one
_STORED_BY_ORIENTATION = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
_STORED_BY_ROTATION = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
_ROTATION_OF_ORIENTATION = {1: 0, 3: 180, 6: 270, 8: 90}
_MAKE_TAG, _MODEL_TAG, _ORIENTATION_TAG = 0x010F, 0x0110, 0x0112


@dataclass(frozen=True)
class Photograph:
    """One file of the demo world: its bytes, the scene on it and the size (pixels) of the upright picture.

    ``orientation`` is the one that its EXIF states, 1 where there is none; ``rotation`` is the counter-clockwise turn
    in degrees that makes the stored picture upright, whether or not EXIF says so too.
    """

    scene: Scene
    data: bytes
    suffix: str
    width: int
    height: int
    orientation: int
    rotation: int


def take_photograph(seed: int, flaw: str = SOUND, rotation: int = 0) -> Photograph:
    """Photograph the random scene of ``seed``; ``flaw`` is ``SOUND`` or one of ``FLAWS``.

    With a ``rotation`` of 90, 180 or 270 the picture is stored lying down, with no EXIF that says so: it needs that
    many degrees counter-clockwise.
    """
    rng = np.random.default_rng([seed, 5])
    scene = random_scene(seed)
    width, height = _random_size(rng)
    stored = Image.fromarray(render(scene, width, height))
    exif, orientation = _random_exif(rng)
    if rotation or flaw == "png":
        exif, orientation = None, 1
    if rotation:
        stored = stored.transpose(_STORED_BY_ROTATION[rotation])
    elif orientation != 1:
        stored = stored.transpose(_STORED_BY_ORIENTATION[orientation])
    if flaw == "grey":
        stored = stored.convert("L")
    data = _png(stored) if flaw == "png" else _jpeg(stored, rng, exif)
    if flaw == "truncated":
        data = data[: len(data) // 2]
    return Photograph(
        scene=scene,
        data=data,
        suffix=".png" if flaw == "png" else ".jpg",
        width=width,
        height=height,
        orientation=orientation,
        rotation=rotation or _ROTATION_OF_ORIENTATION[orientation],
    )


def _random_size(rng: np.random.Generator) -> tuple[int, int]:
    short = int(rng.integers(_SHORT_SIDE[0], _SHORT_SIDE[1], endpoint=True))
    long = round(short * float(rng.choice(_ASPECTS)))
    return (short, long) if rng.random() < 0.4 else (long, short)


def _random_exif(rng: np.random.Generator) -> tuple[Image.Exif | None, int]:
    """EXIF data, or None for the files that carry none, and the orientation that it states."""
    if rng.random() >= _WITH_EXIF:
        return None, 1
    orientation = int(rng.choice(list(_STORED_BY_ORIENTATION))) if rng.random() < _ROTATED else 1
    exif = Image.Exif()
    exif[_MAKE_TAG] = str(rng.choice(_MAKES))
    exif[_MODEL_TAG] = f"D{int(rng.integers(1, 9))}0"
    exif[_ORIENTATION_TAG] = orientation
    return exif, orientation


def _jpeg(image: Image.Image, rng: np.random.Generator, exif: Image.Exif | None) -> bytes:
    out = io.BytesIO()
    quality = int(rng.integers(_QUALITY[0], _QUALITY[1], endpoint=True))
    subsampling = str(rng.choice(_SUBSAMPLINGS))
    image.save(out, "JPEG", quality=quality, subsampling=subsampling, exif=exif.tobytes() if exif else b"")
    return out.getvalue()


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
