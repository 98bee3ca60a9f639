"""A part of a JPEG, decoded without the rest of it, by libjpeg-turbo's own API for that.

What lies above the part is read but not transformed, what lies below is not even read: of 512 x 512 pixels, a window of 224
takes half of the time. The pixels are those of the whole image, bit for bit: the transform is the exact one, and where chroma
is stored at fewer columns, a unit more of it is decoded on either side, from which the part's border is interpolated. No
Python package offers this function of the library; it is called as <https://libjpeg-turbo.org> documents TurboJPEG 3
(`tj3SetCroppingRegion`).
"""

import ctypes
import functools
import threading
from collections.abc import Callable
from ctypes.util import find_library
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any, NamedTuple

import numpy as np

from pixels.arrays import Pixels
from pixels.decode import MAX_PIXELS, MAX_SCANS

_DECOMPRESS, _RGB = 1, 0
_SUBSAMPLING, _WIDTH, _HEIGHT, _SCAN_LIMIT = 4, 5, 6, 13
_BLOCK = 8
# columns that are decoded together, by the library's number of the subsampling (4:4:4, 4:2:2, 4:2:0, grey, 4:4:0, 4:1:1);
# where they are more than a block, chroma is interpolated between columns
_UNITS = {0: _BLOCK, 1: 16, 2: 16, 3: _BLOCK, 4: _BLOCK, 5: 32}


class Box(NamedTuple):
    """A part of an image, in pixels from the upper left corner."""

    left: int
    top: int
    width: int
    height: int

    def cut(self, pixels: Pixels) -> Pixels:
        """The part of an (H, W, 3) image; a view."""
        return pixels[self.top : self.top + self.height, self.left : self.left + self.width]


class PartError(ValueError):
    """The library refuses the file, or warns of it."""


def is_available() -> bool:
    """Whether the library is on this machine, in a version that decodes parts."""
    return _library() is not None


def decode_part(data: bytes, wanted: Callable[[int, int], Box]) -> Pixels:
    """Decode a part of a JPEG.

    Args:
        data: the bytes of one JPEG file.
        wanted: says which part, given the image's width and height.

    Returns:
        Pixels of shape (height, width, 3) of the part, uint8 RGB.

    Raises:
        PartError: the library refuses the file or warns of it, the file is larger than `pixels.decode` allows, or the
            part does not lie in the image.
    """
    if not hasattr(_decoders, "of_this_thread"):
        _decoders.of_this_thread = _Decoder(_library())
    decoder: _Decoder = _decoders.of_this_thread
    return decoder.part(data, wanted)


class _Region(ctypes.Structure):
    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_int), ("w", ctypes.c_int), ("h", ctypes.c_int))


class _Decoder:
    """The library's decoder: it remembers the file between calls, so each thread needs its own."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._handle = library.tj3Init(_DECOMPRESS)
        self._check(library.tj3Set(self._handle, _SCAN_LIMIT, MAX_SCANS))

    def __del__(self) -> None:
        self._library.tj3Destroy(self._handle)

    def part(self, data: bytes, wanted: Callable[[int, int], Box]) -> Pixels:
        library, handle = self._library, self._handle
        self._check(library.tj3DecompressHeader(handle, data, len(data)))
        subsampling, width, height = (library.tj3Get(handle, name) for name in (_SUBSAMPLING, _WIDTH, _HEIGHT))
        if subsampling not in _UNITS or width * height > MAX_PIXELS:
            raise PartError(f"{width} x {height} pixels, subsampling {subsampling}")
        box = wanted(width, height)
        if min(box) < 0 or min(box[2:]) == 0 or box.left + box.width > width or box.top + box.height > height:
            raise PartError(f"{box} of an image of {width} x {height} pixels")
        unit = _UNITS[subsampling]
        border = 0 if unit == _BLOCK else unit
        left = max(box.left - border, 0) // unit * unit
        right = min(box.left + box.width + border, width)
        self._check(library.tj3SetCroppingRegion(handle, _Region(left, box.top, right - left, box.height)))
        pixels = np.empty((box.height, right - left, 3), dtype=np.uint8)
        self._check(library.tj3Decompress8(handle, data, len(data), pixels.ctypes.data, 0, _RGB))
        return pixels[:, box.left - left :][:, : box.width]

    def _check(self, status: int) -> None:
        if status != 0:
            raise PartError(self._library.tj3GetErrorStr(self._handle).decode(errors="replace"))


_decoders = threading.local()


@functools.cache
def _library() -> Any:
    """libturbojpeg 3, of the system or of the package `turbojpeg`; None where there is neither."""
    for path in (find_library("turbojpeg"), *_packaged()):
        try:
            library = ctypes.CDLL(path) if path else None
        except OSError:
            continue
        if hasattr(library, "tj3SetCroppingRegion"):
            return _declared(library)
    return None


def _packaged() -> list[str]:
    """The library that the package's wheel brings along."""
    try:
        files = distribution("turbojpeg").files or []
    except PackageNotFoundError:
        return []
    return [str(file.locate()) for file in files if file.name.startswith(("libturbojpeg", "turbojpeg-"))]


def _declared(library: Any) -> Any:
    handle, data, size, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int
    library.tj3Init.restype, library.tj3Init.argtypes = handle, [number]
    library.tj3Destroy.restype, library.tj3Destroy.argtypes = None, [handle]
    library.tj3Get.argtypes = [handle, number]
    library.tj3Set.argtypes = [handle, number, number]
    library.tj3DecompressHeader.argtypes = [handle, data, size]
    library.tj3SetCroppingRegion.argtypes = [handle, _Region]
    library.tj3Decompress8.argtypes = [handle, data, size, ctypes.c_void_p, number, number]
    library.tj3GetErrorStr.restype, library.tj3GetErrorStr.argtypes = data, [handle]
    return library
