"""The families of features that the learnt probes look at, and how far each may tell fakes from reals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit.features import Features
from audit.probe import Estimate, verdict
from audit.report import Kind, Verdict
from audit.seen import THUMBNAIL_SIDES, Seen

Matrix = NDArray[np.float32]

# what is left of 3,840 thumbnail values, of which neighbours say nearly the same
_COMPONENTS = 32


@dataclass(frozen=True)
class Rule:
    """How an AUC is judged.

    Attributes:
        limit: the largest AUC that is harmless; None where the AUC informs and judges nothing.
        gravest: the gravest verdict that follows.
    """

    limit: float | None
    gravest: Literal["fail", "warn"] = "warn"

    def verdict(self, estimate: Estimate) -> Verdict:
        """The verdict on an estimate; see `audit.probe.verdict`."""
        if self.limit is None:
            return "reported"
        found = verdict(estimate, self.limit)
        return self.gravest if found == "fail" else found


REPORTED = Rule(None)
WARNS = Rule(0.6)


@dataclass(frozen=True)
class Family:
    """Some of the features, by the beginnings of their names.

    Attributes:
        words: what the features are, for a person.
        paired: how it is judged in a set of pairs, whose fakes have a true signature.
        unpaired: how it is judged in other sets.
    """

    name: str
    words: str
    prefixes: tuple[str, ...]
    paired: Rule
    unpaired: Rule

    def rule(self, kind: Kind) -> Rule:
        """How it is judged in a set of this kind."""
        return self.paired if kind == "paired" else self.unpaired


FAMILIES = (
    Family(
        "grid", "traces of JPEG and of resampling", ("grid_", "dct_period_", "parity_", "resampling_"), WARNS, WARNS
    ),
    Family("size", "bytes on disk", ("size_",), REPORTED, WARNS),
    Family("quantisation", "gaps and spikes of grey levels", ("comb_", "spike_"), WARNS, WARNS),
    Family(
        "photometric",
        "colour and exposure",
        ("mean_", "deviation_", "skewness_", "correlation_", "saturation_", "clipped_"),
        REPORTED,
        WARNS,
    ),
    Family("spectral", "frequency content", ("spectrum_", "noise_", "dct_size_", "dct_zeros_"), REPORTED, REPORTED),
    Family("thumbnail", "layout", (), REPORTED, WARNS),
    Family("all-pixels", "all pixel statistics", ("",), REPORTED, REPORTED),
)


def family_matrix(family: Family, images: Sequence[Seen]) -> tuple[Matrix, tuple[str, ...]]:
    """The features of a family, shape (images, features), and their names, in the order of the family's prefixes.

    All images have statistics.
    """
    if not family.prefixes:
        return _components(images)
    rows = [_named(image, family) for image in images]
    names = tuple(name for prefix in family.prefixes for name in rows[0] if name.startswith(prefix))
    return np.array([[row[name] for name in names] for row in rows], dtype=np.float32), names


def _named(image: Seen, family: Family) -> Features:
    if family.name == "size":
        return _size(image)
    return image.statistics or {}


def _size(image: Seen) -> Features:
    """Bytes of the file, and bits a pixel, both as log10."""
    area = image.headers.width * image.headers.height
    return {
        "size_bytes": math.log10(image.size),
        "size_bits_per_pixel": math.log10(8 * image.size / area),
    }


def _components(images: Sequence[Seen]) -> tuple[Matrix, tuple[str, ...]]:
    """Principal components of the thumbnails of both sizes, found without the labels."""
    from sklearn.decomposition import PCA  # noqa: PLC0415 - only the learnt probes need it

    rows = np.array([image.thumbnails for image in images], dtype=np.float32)
    count = min(_COMPONENTS, len(rows) - 1)
    found = PCA(count, svd_solver="randomized", random_state=0).fit_transform(rows)
    name = "thumbnail_" + "_".join(str(side) for side in THUMBNAIL_SIDES)
    return np.asarray(found, dtype=np.float32), tuple(f"{name}_component_{index:02d}" for index in range(count))
