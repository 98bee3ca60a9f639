"""The reference lines: what reals against reals amount to, by all pixel statistics."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from audit.config import AuditConfig
from audit.evidence import Evidence
from audit.families import FAMILIES, REPORTED, family_matrix
from audit.learnt import learnt
from audit.parts import numbered
from audit.report import Probe
from audit.seen import Seen
from manifests.seeds import seed

_ALL = next(family for family in FAMILIES if family.name == "all-pixels")


def split_half(reals: Sequence[Seen], view: str, source: str, config: AuditConfig) -> Iterator[Probe]:
    """The reals of one source parted at random: chance, as this data has it."""
    drawn = np.random.default_rng(seed("split-half", config.seed, view, source)).permutation(len(reals))
    halves = [reals[index] for index in drawn]
    middle = len(halves) // 2
    template = Probe(
        name="reference-split-half",
        subject=", ".join(name for name in (view, source) if name),
        view=view,
        source=source,
        verdict="reported",
        pairs=middle,
    )
    yield from _compared(template, halves[:middle], halves[middle:], "two random halves of one source", config)


def separability(
    first: Sequence[Seen], second: Sequence[Seen], view: str, sources: tuple[str, str], config: AuditConfig
) -> Iterator[Probe]:
    """The reals of one source against those of another: what mere difference of source amounts to."""
    against = f"{sources[0]} against {sources[1]}"
    template = Probe(
        name="reference-source-separability",
        subject=", ".join(name for name in (view, against) if name),
        view=view,
        verdict="reported",
        pairs=min(len(first), len(second)),
    )
    yield from _compared(template, first, second, against, config)


def _compared(
    template: Probe, first: Sequence[Seen], second: Sequence[Seen], words: str, config: AuditConfig
) -> Iterator[Probe]:
    images = [*first, *second]
    if not images:
        return
    labels = np.repeat(np.array([0, 1], dtype=np.int8), (len(first), len(second)))
    groups = numbered([image.tag.pair for image in images])
    matrix = family_matrix(_ALL, images)
    yield from learnt(template, matrix, labels, groups, config, rule=REPORTED, kind="unpaired", words=words)


def reals_by_source(evidence: Evidence) -> dict[str, dict[str, list[Seen]]]:
    """The measured reals by view, then by source, both in the order of their names."""
    found: dict[str, dict[str, list[Seen]]] = {}
    reals = [image for image in evidence.measured if image.tag.label == 0]
    for image in sorted(reals, key=lambda image: (image.tag.view, image.tag.source)):
        found.setdefault(image.tag.view, {}).setdefault(image.tag.source, []).append(image)
    return found


def largest(sources: dict[str, list[Seen]]) -> str:
    """The source of the most reals."""
    return max(sources, key=lambda source: len(sources[source]))


def pairs_of_sources(sources: dict[str, list[Seen]]) -> Iterator[tuple[str, str]]:
    """Each source with each later one; images of no known source are none."""
    return itertools.combinations([source for source in sources if source], 2)
