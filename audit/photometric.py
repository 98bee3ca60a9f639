"""Statistics of colour: channel moments, correlations, saturation and clipping."""

import numpy as np
from numpy.typing import NDArray

_TINY = 1e-6
_CHANNELS = ("red", "green", "blue")


def colour(planes: NDArray[np.float32]) -> dict[str, float]:
    """Mean, deviation and skewness of each channel, their correlations, and the HSV saturation, on values of 0 to 255.

    Args:
        planes: the channels one after another, shape (3, pixels).
    """
    means = planes.mean(axis=1)
    centred = planes - means[:, None]
    squares = centred * centred
    deviations = np.sqrt(squares.mean(axis=1))
    skewness = (squares * centred).mean(axis=1) / (deviations**3 + _TINY)
    covariance = centred @ centred.T / planes.shape[1]
    correlation = covariance / (np.outer(deviations, deviations) + _TINY)
    saturation = 1 - planes.min(axis=0) / np.maximum(planes.max(axis=0), 1)
    found: dict[str, float] = {}
    for index, channel in enumerate(_CHANNELS):
        found[f"mean_{channel}"] = float(means[index])
        found[f"deviation_{channel}"] = float(deviations[index])
        found[f"skewness_{channel}"] = float(skewness[index])
    found["correlation_red_green"] = float(correlation[0, 1])
    found["correlation_red_blue"] = float(correlation[0, 2])
    found["correlation_green_blue"] = float(correlation[1, 2])
    found["saturation_mean"] = float(saturation.mean())
    found["saturation_deviation"] = float(saturation.std())
    return found


def clipping(pixels: NDArray[np.uint8]) -> dict[str, float]:
    """Fraction of samples at each end of the scale, a channel."""
    found: dict[str, float] = {}
    for index, channel in enumerate(_CHANNELS):
        plane = pixels[:, :, index]
        found[f"clipped_dark_{channel}"] = float(np.mean(plane == 0))
        found[f"clipped_bright_{channel}"] = float(np.mean(plane == 255))
    return found
