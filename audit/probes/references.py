"""The reference lines: what reals against reals amount to, by all pixel statistics."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

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


def split_half(
    reals: Sequence[Seen], view: str, source: str, config: AuditConfig, group_of: Mapping[str, str]
) -> Iterator[Probe]:
    """The reals of one source parted at random, whole groups to either half: chance, as this data has it."""
    rng = np.random.default_rng(seed("split-half", config.seed, view, source))
    halves = halves_of(reals, rng, group_of)
    template = Probe(
        name="reference-split-half",
        subject=", ".join(name for name in (view, source) if name),
        view=view,
        source=source,
        verdict="reported",
        pairs=min(len(half) for half in halves),
    )
    yield from _compared(template, halves, "two random halves of one source", config, group_of)


def halves_of(
    reals: Sequence[Seen], rng: np.random.Generator, group_of: Mapping[str, str]
) -> tuple[list[Seen], list[Seen]]:
    """The reals in two halves; groups in random order, as many to the first half as it takes to fill it, the others to the second."""
    groups: dict[str, list[Seen]] = {}
    for image in reals:
        groups.setdefault(group_of[image.tag.name], []).append(image)
    drawn = list(groups.values())
    halves: tuple[list[Seen], list[Seen]] = ([], [])
    for index in rng.permutation(len(drawn)):
        halves[len(halves[0]) >= len(reals) // 2].extend(drawn[index])
    return halves


def separability(
    halves: tuple[Sequence[Seen], Sequence[Seen]],
    view: str,
    sources: tuple[str, str],
    config: AuditConfig,
    group_of: Mapping[str, str],
) -> Iterator[Probe]:
    """The reals of one source against those of another: what mere difference of source amounts to."""
    against = f"{sources[0]} against {sources[1]}"
    template = Probe(
        name="reference-source-separability",
        subject=", ".join(name for name in (view, against) if name),
        view=view,
        verdict="reported",
        pairs=min(len(half) for half in halves),
    )
    yield from _compared(template, halves, against, config, group_of)


def _compared(
    template: Probe,
    halves: tuple[Sequence[Seen], Sequence[Seen]],
    words: str,
    config: AuditConfig,
    group_of: Mapping[str, str],
) -> Iterator[Probe]:
    first, second = halves
    images = [*first, *second]
    if not images:
        return
    labels = np.repeat(np.array([0, 1], dtype=np.int8), (len(first), len(second)))
    groups = numbered([group_of[image.tag.name] for image in images])
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
