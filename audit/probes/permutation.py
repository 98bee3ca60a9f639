"""permutation: the control's thumbnails, out of the evidence."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from audit.config import AuditConfig
from audit.evidence import Evidence
from audit.permutation import permutation_control
from audit.report import Probe
from audit.seen import THUMBNAIL_SIDES
from manifests.seeds import seed

_VALUES = 3 * THUMBNAIL_SIDES[0] ** 2

Thumbnail = NDArray[np.float32]


def permutation_probe(evidence: Evidence, config: AuditConfig) -> Probe:
    """The permutation control, on each pair's real and one of its fakes, drawn by the pair's id.

    In a set without pairs, reals and fakes are put together as they come.
    """
    couples = list(_pairs(evidence, config) if evidence.kind == "paired" else _neighbours(evidence))
    real, fake = (np.array([couple[side] for couple in couples], dtype=np.float32) for side in (0, 1))
    return permutation_control(real, fake, config)


def _pairs(evidence: Evidence, config: AuditConfig) -> Iterator[tuple[Thumbnail, Thumbnail]]:
    members: dict[str, list[Thumbnail]] = {}
    for image in evidence.measured:
        if image.thumbnails is not None:
            members.setdefault(image.tag.pair, []).append(image.thumbnails[:_VALUES])
    for pair, (real, *fakes) in members.items():
        yield real, fakes[seed("permutation", config.seed, pair) % len(fakes)]


def _neighbours(evidence: Evidence) -> Iterator[tuple[Thumbnail, Thumbnail]]:
    sides: tuple[list[Thumbnail], list[Thumbnail]] = ([], [])
    for image in evidence.measured:
        if image.thumbnails is not None:
            sides[image.tag.label].append(image.thumbnails[:_VALUES])
    yield from zip(*sides, strict=False)
