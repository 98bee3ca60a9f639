"""The battery: every probe, in its order, shared out among processes.

A new learnt probe is a new line in `audit.families.FAMILIES`; another probe a new function in `audit/probes`, and a line
in `battery`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import joblib

from audit.config import AuditConfig
from audit.evidence import Evidence
from audit.families import FAMILIES, Family, family_matrix
from audit.grouping import group_names
from audit.learnt import learnt
from audit.parts import Part, parts
from audit.probes.borders import borders_probe
from audit.probes.duplicates import duplicates_probe
from audit.probes.headers import paired_headers_probe, unpaired_headers_probe
from audit.probes.permutation import permutation_probe
from audit.probes.references import largest, pairs_of_sources, reals_by_source, separability, split_half
from audit.probes.text import text_probe
from audit.remedies import remedy
from audit.report import Kind, Probe
from audit.seen import Seen

Task = Callable[[], Iterable[Probe]]

# images below which starting further processes takes longer than the work
_ALONE = 500
# as the headers' 0.55: an AUC is 0.5 and half the difference of the shares
_UNEVEN = 0.1


def battery(evidence: Evidence, config: AuditConfig, *, workers: int = -1) -> list[Probe]:
    """All probes of a dataset.

    Args:
        evidence: what is known of its images.
        config: the settings.
        workers: processes; -1 for as many as there are processors. The answer does not depend on it.
    """
    measured = evidence.measured
    group_of = group_names(evidence.images, evidence.kind)
    whole = list(parts(evidence.images, evidence.kind, group_of))
    looked_at = list(parts(measured, evidence.kind, group_of))
    found = list(_unreadable(evidence))
    if evidence.kind == "paired":
        found.append(paired_headers_probe(evidence.headers))
    found.append(duplicates_probe(evidence))
    found += [borders_probe(part, config, evidence.kind) for part in whole]
    found.append(permutation_probe(evidence, config))
    tasks = list(_tasks(evidence, looked_at, config, group_of))
    processes = 1 if len(measured) < _ALONE else workers
    for probes in joblib.Parallel(n_jobs=processes)(joblib.delayed(_run)(task) for task in tasks):
        found += probes
    return found


def _run(task: Task) -> list[Probe]:
    return list(task())


def _tasks(
    evidence: Evidence, looked_at: list[Part], config: AuditConfig, group_of: Mapping[str, str]
) -> Iterator[Task]:
    """The probes that take time, each by itself."""
    for part in looked_at:
        if evidence.kind == "unpaired":
            yield partial(unpaired_headers_probe, part, config)
        if config.pixel_probe:
            for family in FAMILIES:
                yield partial(family_probe, part, family, config, evidence.kind)
    yield partial(text_probe, evidence, config)
    if config.pixel_probe:
        for view, sources in reals_by_source(evidence).items():
            source = largest(sources)
            yield partial(split_half, sources[source], view, source, config, _of(sources[source], group_of))
            for first, second in pairs_of_sources(sources):
                groups = _of(sources[first] + sources[second], group_of)
                yield partial(separability, (sources[first], sources[second]), view, (first, second), config, groups)


def _of(images: Sequence[Seen], group_of: Mapping[str, str]) -> dict[str, str]:
    """The groups of these images alone: what is handed to another process should be small."""
    return {image.tag.name: group_of[image.tag.name] for image in images}


def family_probe(part: Part, family: Family, config: AuditConfig, kind: Kind) -> list[Probe]:
    """How well one family of features tells the fakes of a part, by each classifier."""
    template = Probe(
        name=family.name,
        subject=part.subject,
        view=part.view,
        generator=part.generator,
        source=part.source,
        verdict="reported",
        pairs=part.pairs,
    )
    if part.pairs == 0:
        return [template.model_copy(update={"verdict": "too-few", "detail": "too few images"})]
    matrix = family_matrix(family, part.images)
    names = [image.tag.name for image in part.images]
    rule = family.rule(kind)
    return list(
        learnt(
            template, matrix, part.labels, part.groups, config, rule=rule, kind=kind, words=family.words, names=names
        )
    )


def _unreadable(evidence: Evidence) -> Iterator[Probe]:
    """Images that could not be looked at, counted and named; there are none in a dataset of pairs."""
    if not evidence.unreadable:
        return
    first = evidence.unreadable[0]
    total = len(evidence.images) + len(evidence.unreadable)
    lost, kept = (Counter(image.tag.label for image in side) for side in (evidence.unreadable, evidence.images))
    shares = [lost[label] / max(lost[label] + kept[label], 1) for label in (0, 1)]
    nothing_left = not all(kept[label] for label in (0, 1))
    yield Probe(
        name="unreadable",
        verdict="fail" if nothing_left or abs(shares[0] - shares[1]) > _UNEVEN else "reported",
        gate=True,
        remedy=remedy("unreadable", "", evidence.kind),
        pairs=total,
        value=len(evidence.unreadable) / total,
        examples=tuple(image.tag.name for image in evidence.unreadable[:8]),
        detail=f"{len(evidence.unreadable)} of {total} images were left out ({shares[0]:.1%} of the reals, "
        f"{shares[1]:.1%} of the fakes); {first.tag.name}: {first.reason}",
    )
