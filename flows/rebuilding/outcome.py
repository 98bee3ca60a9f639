"""What became of each pair: identical, close, or missing and why."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, get_args

import numpy as np
from pydantic import Field

from flows.rebuilding.align import AlignStage
from flows.rebuilding.folder import RebuildFolder
from flows.rebuilding.manifest import stages_before_manifest
from flows.rebuilding.placing import PlaceStage
from flows.rebuilding.records import RemadePair
from manifests import canonical
from manifests.dataset import Dataset
from manifests.records import Pair, Reason, Record, Reject
from pixels.arrays import Pixels
from pixels.decode import decode

REPORT = "rebuild.json"

CLOSE = 45.0
"""dB: final members that differ by no more than low bits have at least this PSNR."""

_EQUAL_PIXELS = 100.0

Verdict = Literal[
    "identical",
    "close",
    "different",
    "not-measured",
    "changed-at-source",
    "gone",
    "unreachable",
    "taken-down",
    "dropped",
]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

_MISSING: Mapping[Reason, Verdict] = {
    Reason.DIGEST_MISMATCH: "changed-at-source",
    Reason.TOO_LARGE: "changed-at-source",
    Reason.NOT_FOUND: "gone",
    Reason.OPTED_OUT: "gone",
    Reason.TIMEOUT: "unreachable",
    Reason.DOWNLOAD_FAILED: "unreachable",
    Reason.PRIVATE_ADDRESS: "unreachable",
    Reason.TAKEN_DOWN: "taken-down",
}


class PairOutcome(Record):
    """What became of one pair."""

    pair_id: str
    verdict: Verdict
    url: str = ""
    detail: str = ""
    differing: tuple[str, ...] = Field(default=(), description="members whose bytes are not the recorded ones")
    psnr: float | None = Field(default=None, description="dB, of the member that differs most; 100: equal pixels")


class RebuildReport(Record):
    """What became of all pairs.

    The verdicts: `identical` has the recorded bytes in all members; `close` has a PSNR of at least 45 dB to the
    original's members, `different` less; `not-measured` has other bytes, and the original is not at hand. The others are
    missing from the dataset: `changed-at-source` (other bytes came), `gone` (not found, or opted out), `unreachable`
    (failures that may pass: run the command again), `taken-down`, `dropped` (for any other reason).
    """

    name: str
    manifest: str = Field(description="sha256 of the published manifest")
    against: bool = Field(description="whether the original was at hand to measure by")
    counts: dict[Verdict, int]
    pairs: tuple[PairOutcome, ...] = Field(description="in the order of the manifest")


def write_report(build: RebuildFolder) -> RebuildReport:
    """Compare a finished rebuild with its manifest, and write `rebuild.json`."""
    remade = {record.pair.pair_id: record for record in PlaceStage(build).records(RemadePair)}
    rejects = {reject.key: reject for reject in _rejects(build)}
    published = [record.pair for record in build.published.pairs()]
    differing = {
        pair.pair_id: _differing(pair, remade[pair.pair_id].pair) for pair in published if pair.pair_id in remade
    }
    levels = _measured(build, {key: names for key, names in differing.items() if names}, remade)
    pairs = [
        _stands(pair, differing[pair.pair_id], levels.get(pair.pair_id))
        if pair.pair_id in remade
        else _missing(pair, rejects[pair.pair_id])
        for pair in published
    ]
    found = Counter(pair.verdict for pair in pairs)
    report = RebuildReport(
        name=build.header.name,
        manifest=build.request.manifest,
        against=bool(build.request.against),
        counts={verdict: found[verdict] for verdict in VERDICTS},
        pairs=tuple(pairs),
    )
    build.folder.write(REPORT, canonical.dumps(report))
    return report


def psnr(one: Pixels, other: Pixels) -> float:
    """Peak signal-to-noise ratio of two images of one shape, dB; 100 where they are equal."""
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return _EQUAL_PIXELS if error == 0 else float(min(10 * np.log10(255**2 / error), _EQUAL_PIXELS))


def _rejects(build: RebuildFolder) -> Iterator[Reject]:
    for stage in stages_before_manifest(build):
        for index in range(stage.count() or 0):
            yield from stage.store.rejects(index)


def _differing(published: Pair, remade: Pair) -> tuple[str, ...]:
    return tuple(
        name for name, member in sorted(published.members.items()) if remade.members[name].sha256 != member.sha256
    )


def _stands(pair: Pair, differing: tuple[str, ...], level: float | None) -> PairOutcome:
    verdict: Verdict = "identical"
    if differing:
        verdict = "not-measured" if level is None else "close" if level >= CLOSE else "different"
    return PairOutcome(pair_id=pair.pair_id, verdict=verdict, url=pair.image.url, differing=differing, psnr=level)


def _missing(pair: Pair, reject: Reject) -> PairOutcome:
    detail = f"{reject.reason}: {reject.detail}" if reject.detail else str(reject.reason)
    verdict = _MISSING.get(reject.reason, "dropped")
    return PairOutcome(pair_id=pair.pair_id, verdict=verdict, url=pair.image.url, detail=detail)


def _measured(
    build: RebuildFolder, differing: Mapping[str, Iterable[str]], remade: Mapping[str, RemadePair]
) -> dict[str, float]:
    """The lowest PSNR of each pair's differing members; empty where the original is not at hand."""
    if not build.request.against or not differing:
        return {}
    aligned = AlignStage(build).store
    levels: dict[str, float] = {}
    for sample in Dataset.open(build.request.against).samples():
        names = differing.get(sample.key, ())
        blobs = remade[sample.key].blobs if names else {}
        for name in names:
            if name not in sample.members:  # a subset of the original
                continue
            original, now = decode(sample.members[name]), decode(aligned.read_blob(blobs[name]))
            level = psnr(original, now) if original.shape == now.shape else 0.0
            levels[sample.key] = min(level, levels.get(sample.key, _EQUAL_PIXELS))
    return levels
