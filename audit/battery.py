"""The probes of a paired dataset. Each takes the evidence and the settings and gives what it found.

A new probe is a new function of this signature, and a place in `BATTERY`.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from audit.config import AuditConfig
from audit.evidence import REAL, Evidence, PairFeatures
from audit.features import matrix
from audit.permutation import permutation_control
from audit.probe import CLASSIFIERS, Estimate, cross_validated, estimate_auc, telling_features
from audit.report import Probe
from manifests.seeds import seed


def headers_probe(evidence: Evidence, _config: AuditConfig) -> Iterator[Probe]:
    """Any header field in which the members of a pair differ fails the dataset."""
    tally = evidence.headers
    fields = {name: tally.fields[name] for name in sorted(tally.fields, key=lambda name: -tally.fields[name])}
    if tally.differing:
        named = ", ".join(f"{name} ({count})" for name, count in fields.items())
        detail = f"headers differ in {tally.differing} of {tally.pairs} pairs: {named}; for example {tally.examples[0]}"
    else:
        detail = f"no header differs within any of {tally.pairs} pairs"
    yield Probe(
        name="headers",
        verdict="fail" if tally.differing else "ok",
        gate=True,
        pairs=tally.pairs,
        value=tally.differing / max(tally.pairs, 1),
        fields=fields,
        examples=tuple(tally.examples),
        detail=detail,
    )


def permutation_probe(evidence: Evidence, config: AuditConfig) -> Iterator[Probe]:
    """The permutation control, on each pair's real and one of its fakes, drawn by the pair's id."""
    real, fake = [], []
    for pair in evidence.pairs:
        generators = pair.generators
        chosen = generators[seed("permutation", config.seed, pair.pair_id) % len(generators)]
        real.append(pair.thumbnails[REAL])
        fake.append(pair.thumbnails[chosen])
    yield permutation_control(np.array(real), np.array(fake), config)


def pixels_probe(evidence: Evidence, config: AuditConfig) -> Iterator[Probe]:
    """How well pixel statistics tell the fakes of each view and generator: reported, since fakes have a true signature."""
    if not config.pixel_probe:
        return
    parts = sorted({(pair.view, generator) for pair in evidence.pairs for generator in pair.generators})
    for view, generator in parts:
        pairs = [pair for pair in evidence.pairs if pair.view == view and generator in pair.features]
        yield from _pixels_probe(f"{view}, {generator}", pairs, generator, config)


def _pixels_probe(subject: str, pairs: list[PairFeatures], generator: str, config: AuditConfig) -> Iterator[Probe]:
    if len(pairs) < 2 * config.folds:
        yield Probe(name="pixels", subject=subject, verdict="too-few", pairs=len(pairs), detail="too few pairs")
        return
    members = [REAL, generator]
    features, names = matrix(pair.features[member] for member in members for pair in pairs)
    labels, groups = labels_and_groups(len(pairs))
    telling = telling_features(features, labels, names)
    for classifier in CLASSIFIERS:
        scored = cross_validated(classifier, features, labels, groups, folds=config.folds, seed=config.seed)
        estimate = estimate_auc(scored, draws=config.bootstrap_draws, seed=config.seed)
        yield Probe(
            name="pixels",
            subject=subject,
            verdict="reported",
            classifier=classifier,
            pairs=len(pairs),
            value=estimate.auc,
            low=estimate.low,
            high=estimate.high,
            top_features=telling,
            detail=_pixels_detail(estimate),
        )


def _pixels_detail(estimate: Estimate) -> str:
    return f"pixel statistics tell fakes from reals with AUC {estimate.auc:.3f}: their true signature is among them"


def labels_and_groups(pairs: int) -> tuple[NDArray[np.int8], NDArray[np.intp]]:
    """Labels and pair numbers of images that stand as all reals, then all fakes in the same order."""
    return np.repeat(np.array([0, 1], dtype=np.int8), pairs), np.tile(np.arange(pairs), 2)


BATTERY: tuple[Callable[[Evidence, AuditConfig], Iterator[Probe]], ...] = (
    headers_probe,
    permutation_probe,
    pixels_probe,
)
