"""Statistics of grey levels: gaps and spikes that a change of contrast after quantisation leaves in the histogram."""

import numpy as np
from numpy.typing import NDArray

_FEWEST = 4
_UNLIKELY = 4.0


def level_statistics(pixels: NDArray[np.uint8]) -> dict[str, float]:
    """Combs and clipping spikes of the channels' histograms; all values are means over the three channels.

    `comb_gaps` is the share of inner levels that no pixel has while both neighbours have some; `comb_spikes` of those
    far more frequent than their neighbours, given Poisson noise. `spike_dark` and `spike_bright` compare the end
    levels with the ones beside them, as log10 of a ratio (0 without clipping).

    Args:
        pixels: shape (height, width, 3), uint8.
    """
    found = [_channel(np.bincount(pixels[:, :, channel].ravel(), minlength=256)) for channel in range(3)]
    return {name: float(np.mean([values[name] for values in found])) for name in found[0]}


def _channel(counts: NDArray[np.intp]) -> dict[str, float]:
    level, below, above = counts[1:-1], counts[:-2], counts[2:]
    expected = (below + above) / 2
    inner = np.minimum(below, above) >= _FEWEST
    checked = max(int(inner.sum()), 1)
    spikes = inner & (level - expected > _UNLIKELY * np.sqrt(expected + 1))
    return {
        "comb_gaps": float((inner & (level == 0)).sum()) / checked,
        "comb_spikes": float(spikes.sum()) / checked,
        "spike_dark": float(np.log10((counts[0] + 1) / (counts[1] + 1))),
        "spike_bright": float(np.log10((counts[255] + 1) / (counts[254] + 1))),
    }
