"""Statistics of JPEG history: block DCT histograms, the phase of the 8 x 8 grid, and chroma subsampling."""

import numpy as np
from numpy.typing import NDArray

from pixels.dct import dct_matrix

Plane = NDArray[np.float32]

_TINY = 1e-6

# the first nine AC coefficients in zigzag order, (row, column)
_FIRST_AC = ((0, 1), (1, 0), (2, 0), (1, 1), (0, 2), (0, 3), (1, 2), (2, 1), (3, 0))
# coefficients whose quantisation steps are alike are looked at together
_PERIOD_GROUPS = {"low": slice(0, 3), "mid": slice(3, 9)}
_PERIODS = np.arange(2, 13)


def dct_statistics(luma: Plane) -> dict[str, float]:
    """Statistics of the 8 x 8 DCT of the image's own grid: size and zeros of the first nine AC coefficients, periods.

    `period` is |mean exp(2πi c / q)| over the coefficients c that are not near zero: near 1 where they are multiples of q,
    as a quantisation with step q leaves them (double compression shows as periods of the earlier step).
    """
    height, width = (side // 8 * 8 for side in luma.shape)
    blocks = luma[:height, :width].reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2).reshape(-1, 8, 8)
    coefficients = np.asarray(dct_matrix(8) @ blocks @ dct_matrix(8).T, dtype=np.float32)
    first: Plane = np.stack([coefficients[:, row, column] for row, column in _FIRST_AC])
    found: dict[str, float] = {}
    for index, values in enumerate(np.abs(first), start=1):
        found[f"dct_size_{index}"] = float(np.log10(values.mean() + _TINY))
        found[f"dct_zeros_{index}"] = float(np.mean(values < 0.5))
    found["dct_size_high"] = float(np.log10(np.abs(coefficients[:, 4:, 4:]).mean() + _TINY))
    found["dct_zeros_high"] = float(np.mean(np.abs(coefficients[:, 4:, 4:]) < 0.5))
    for name, group in _PERIOD_GROUPS.items():
        for period, strength in zip(_PERIODS, _periodicity(first[group]), strict=True):
            found[f"dct_period_{name}_{period}"] = strength
    return found


def _periodicity(coefficients: Plane) -> list[float]:
    values = coefficients[np.abs(coefficients) > 1.5]
    if values.size == 0:
        return [0.0] * len(_PERIODS)
    angles = values[None, :] * (2 * np.pi / _PERIODS[:, None]).astype(np.float32)
    strengths = np.hypot(np.cos(angles).mean(axis=1), np.sin(angles).mean(axis=1))
    return [float(strength) for strength in strengths]


def grid_phases(luma: Plane) -> dict[str, float]:
    """Blockiness at each of the 8 phases of a grid, across columns and across rows.

    At a block's edge the step between neighbours is larger than the steps on either side of it; the excess is averaged
    over the edges of one phase and divided by the mean step. `strongest` is the largest phase over the mean of the others.
    """
    found: dict[str, float] = {}
    for name, plane in (("column", luma), ("row", luma.T)):
        steps = np.abs(np.diff(plane, axis=1)).mean(axis=0)
        excess = (steps[1:-1] - (steps[:-2] + steps[2:]) / 2) / (steps.mean() + _TINY)
        # excess[i] stands between pixels i + 1 and i + 2
        phases = np.array([excess[(phase - 2) % 8 :: 8].mean() for phase in range(8)])
        found |= {f"grid_{name}_{phase}": float(value) for phase, value in enumerate(phases)}
        found[f"grid_{name}_strongest"] = float(phases.max() - np.median(phases))
    return found


def chroma_parity(name: str, plane: Plane) -> dict[str, float]:
    """Log10 ratio of the steps inside pairs of chroma pixels to the steps between pairs: 0 without subsampling."""
    found: dict[str, float] = {}
    for direction, along in (("columns", plane), ("rows", plane.T)):
        steps = np.abs(np.diff(along, axis=1)).mean(axis=0)
        ratio = (steps[0::2].mean() + 0.01) / (steps[1::2].mean() + 0.01)
        found[f"parity_{name}_{direction}"] = float(np.log10(ratio))
    return found
