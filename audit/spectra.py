"""The average spectrum of the reals and of each generator."""

from collections.abc import Iterator, Sequence

import numpy as np

from audit.report import Spectrum
from audit.seen import Seen

_PREFIX = "spectrum_luma_"


def spectra(images: Sequence[Seen]) -> Iterator[Spectrum]:
    """Mean log10 power of luma by frequency, of each view's reals and generators. All images have statistics."""
    members = sorted({(image.tag.view, image.tag.label, image.tag.generator) for image in images})
    for view, label, generator in members:
        rows = [_bands(image) for image in images if _member(image) == (view, label, generator)]
        power = np.mean(np.array(rows), axis=0)
        centres = (np.arange(len(power)) + 0.5) / (2 * len(power))
        yield Spectrum(
            member="real" if label == 0 else generator or "fake",
            view=view,
            frequencies=tuple(centres.tolist()),
            power=tuple(power.tolist()),
        )


def _member(image: Seen) -> tuple[str, int, str]:
    return image.tag.view, image.tag.label, image.tag.generator


def _bands(image: Seen) -> list[float]:
    """Power in rings of equal width from 0 to 0.5 cycles a pixel; the corners beyond are left out."""
    named = [
        (name, value)
        for name, value in (image.statistics or {}).items()
        if name.startswith(_PREFIX) and name.removeprefix(_PREFIX).isdigit()
    ]
    return [value for _, value in sorted(named)][:-1]
