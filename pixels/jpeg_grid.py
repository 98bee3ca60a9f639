"""Does a lossless image hide a JPEG? Its pixels then carry the JPEG's grid of 8x8 blocks.

The idea is that of T. Nikoukhah, J. Anger, M. Colom, J.-M. Morel, R. Grompone von Gioi, "ZERO: a Local JPEG Grid
Origin Detector Based on the Number of DCT Zeros and its Applications in Image Forensics", IPOL 2021: a block that was
quantised has more DCT coefficients near zero on the JPEG's own grid than at any other position, so each place votes for
the grid on which it has most zeros. Without a JPEG, the votes scatter over the 64 possible grids.

Measured on 236 colour photographs of ImageNet, reduced to half, coded, decoded and cropped off the grid: found in 99.2 %
of them at qualities 50 to 95, in 99.0 % at 97 and in 91 % at 98 (4:4:4 and 4:2:0; what is missed up to 95 are two
pictures of 34x60 and 43x54 pixels, with too few votes). Found when the photographs themselves are saved as PNG: 99.2 %.
Flagged among 1,168 reductions of them that were not coded again (2, 4 and 6 times, Lanczos and box): none.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pixels.arrays import Pixels
from pixels.dct import dct_matrix

_BLOCK = 8
_TILE = 128
_MOST_TILES = 16
_FEWEST_VOTES = 16
_SHARE = 0.3
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def has_jpeg_grid(pixels: Pixels) -> bool:
    """Whether the pixels (height, width, 3) carry the 8x8 grid of an earlier JPEG, at any offset."""
    votes = sum((_votes(tile) for tile in _tiles(pixels)), start=np.zeros(_BLOCK * _BLOCK, dtype=np.int64))
    cast = int(votes.sum())
    return cast >= _FEWEST_VOTES and int(votes.max()) >= _SHARE * cast


def _tiles(pixels: Pixels) -> list[Pixels]:
    """Up to 16 tiles spread over the image; a whole number of blocks, and one block less a pixel to slide over."""
    height, width = pixels.shape[:2]
    corners = [
        (top, left)
        for top in range(0, height - 2 * _BLOCK + 1, _TILE)
        for left in range(0, width - 2 * _BLOCK + 1, _TILE)
    ]
    chosen = np.linspace(0, len(corners) - 1, min(len(corners), _MOST_TILES)).round().astype(int)
    extent = _TILE + _BLOCK - 1
    return [pixels[top : top + extent, left : left + extent] for top, left in (corners[index] for index in chosen)]


def _votes(tile: Pixels) -> NDArray[np.int64]:
    """Votes for each of the 64 grid origins, by the 8x8 cells of one tile; a tie between origins is no vote."""
    zeros = _zeros_at_each_position(tile @ _LUMA)
    down, across = (length // _BLOCK for length in zeros.shape)
    cells = zeros[: down * _BLOCK, : across * _BLOCK].reshape(down, _BLOCK, across, _BLOCK)
    by_origin = cells.transpose(0, 2, 1, 3).reshape(-1, _BLOCK * _BLOCK)
    best = by_origin.max(axis=1, keepdims=True)
    decided = (by_origin == best).sum(axis=1) == 1
    return np.bincount(by_origin.argmax(axis=1)[decided], minlength=_BLOCK * _BLOCK)


def _zeros_at_each_position(luma: NDArray[np.float32]) -> NDArray[np.int64]:
    """For the block that begins at each pixel: how many of its DCT coefficients round to zero."""
    matrix = dct_matrix(_BLOCK)
    columns = sliding_window_view(luma, _BLOCK, axis=0) @ matrix.T
    coefficients = sliding_window_view(columns, _BLOCK, axis=1) @ matrix.T
    zeros: NDArray[np.int64] = (np.abs(coefficients) < 0.5).sum(axis=(2, 3))
    return zeros
