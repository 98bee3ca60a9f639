"""Statistics of frequency content: radial power spectrum, resampling peaks, autocorrelation of the noise residual."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

# keeps logarithms and quotients finite on flat planes; far below one grey level
_TINY = 1e-6


def radial_spectrum(name: str, plane: Plane, bands: int) -> dict[str, float]:
    """Log10 power of a plane in `bands` rings of equal width from 0 to 0.5 cycles a pixel, and in the corners beyond.

    Also the slope of log power over log frequency (natural images: near -2). The plane is Hann-windowed, its mean
    removed.
    """
    window, ring, counts = _rings(plane.shape[0], plane.shape[1], bands)
    power = np.abs(np.fft.rfft2((plane - plane.mean()) * window)) ** 2
    sums = np.bincount(ring, weights=power.ravel(), minlength=bands + 1)
    levels = np.log10(sums / (counts * plane.size) + _TINY)
    frequency = np.log10((np.arange(bands) + 0.5) / (2 * bands))
    centred = frequency - frequency.mean()
    slope = float(centred @ levels[:bands] / (centred @ centred))
    named = {f"spectrum_{name}_{band:02d}": float(level) for band, level in enumerate(levels)}
    return named | {f"spectrum_{name}_slope": slope}


@cache
def _rings(height: int, width: int, bands: int) -> tuple[Plane, NDArray[np.intp], NDArray[np.float64]]:
    """Window (height, width), ring index of every rfft2 cell (flat), and the cells in each ring."""
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1]).astype(np.float32)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    ring = np.minimum((radius * 2 * bands).astype(np.intp), bands).ravel()
    counts = np.maximum(np.bincount(ring, minlength=bands + 1), 1).astype(np.float64)
    return window, ring, counts


def resampling_peaks(luma: Plane) -> dict[str, float]:
    """Strongest period in the second derivative along rows and along columns.

    Interpolation makes the variance of the second derivative periodic (A. C. Gallagher, "Detection of linear and cubic
    interpolation in JPEG compressed images", 2005). `height` is the peak over the median of the spectrum, `frequency`
    is in cycles a pixel; multiples of 1/8, where JPEG blocks show, are left out.
    """
    found: dict[str, float] = {}
    for name, plane in (("columns", luma), ("rows", luma.T)):
        curvature = np.abs(plane[:, :-2] - 2 * plane[:, 1:-1] + plane[:, 2:]).mean(axis=0)
        window, kept, frequency = _peak_search(curvature.size)
        spectrum = np.abs(np.fft.rfft((curvature - curvature.mean()) * window))[kept]
        peak = int(spectrum.argmax())
        found[f"resampling_{name}_height"] = float(spectrum[peak] / (np.median(spectrum) + _TINY))
        found[f"resampling_{name}_frequency"] = float(frequency[peak])
    return found


@cache
def _peak_search(length: int) -> tuple[Plane, NDArray[np.intp], NDArray[np.float64]]:
    """Window, the rfft cells that are looked at, and their frequencies: above 0.1 and off the multiples of 1/8."""
    frequency: NDArray[np.float64] = np.asarray(np.fft.rfftfreq(length), dtype=np.float64)
    off_grid = np.abs(frequency * 8 - np.round(frequency * 8)) / 8 > 0.75 / length
    kept = np.flatnonzero((frequency > 0.1) & off_grid)
    return np.hanning(length).astype(np.float32), kept, frequency[kept]


_LAGS = ((0, 1), (0, 2), (0, 3), (1, 0), (2, 0), (3, 0), (1, 1), (1, -1), (2, 2), (2, -2))


def noise_residual(luma: Plane) -> dict[str, float]:
    """Deviation, kurtosis and autocorrelation of what a Laplacian leaves of the luma plane."""
    inner = luma[1:-1, 1:-1]
    residual = inner - (luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]) / 4
    residual = residual - residual.mean()
    squares = residual * residual
    variance = float(squares.mean()) + _TINY
    found = {
        "noise_deviation": variance**0.5,
        "noise_kurtosis": float((squares * squares).mean()) / variance**2,
    }
    for down, across in _LAGS:
        product = _shifted_product(residual, down, across)
        found[f"noise_correlation_{down}_{across}"] = product / variance
    return found


def _shifted_product(plane: Plane, down: int, across: int) -> float:
    """Mean of the products of pixels that stand (down, across) apart."""
    height, width = plane.shape
    first = plane[: height - down, max(0, -across) : width - max(0, across)]
    second = plane[down:, max(0, across) : width - max(0, -across)]
    return float(np.mean(first * second))
