"""The discrete cosine transform (type II, orthonormal), as a matrix."""

import functools

import numpy as np
from numpy.typing import NDArray


@functools.cache
def dct_matrix(length: int) -> NDArray[np.float32]:
    """The (length, length) float32 matrix whose row k, times a signal, is the signal's k-th DCT-II coefficient."""
    k, n = np.mgrid[:length, :length]
    matrix = np.cos(np.pi * k * (2 * n + 1) / (2 * length)) * np.sqrt(2 / length)
    matrix[0] /= np.sqrt(2)
    shared: NDArray[np.float32] = matrix.astype(np.float32)
    shared.setflags(write=False)
    return shared
