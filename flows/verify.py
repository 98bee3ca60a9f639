"""What a verification asks of a build beside its dataset: that every item is accounted for, and where the reals' bytes lie."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from flows.folder import BuildFolder
from flows.records import StoredImage
from flows.stages.manifest import stages_before_manifest
from flows.stages.reals import RealsStage
from manifests.chunk_writer import Blob
from manifests.errors import DatasetError
from manifests.records import Pair, Reason, Reject, SourceImage, Stage
from manifests.verify.findings import Finding
from manifests.verify.lines import read_lines
from sources.archives import Found, find, read


def build_of(url: str) -> BuildFolder | None:
    """The build that a dataset lies in; None for a dataset that stands alone."""
    try:
        return BuildFolder.open(url)
    except DatasetError:
        return None


def check_build(build: BuildFolder) -> Iterator[Finding]:
    """Whether each stage accounts for all that it has seen, and `rejects.jsonl` lists what the stages dropped.

    A build that has something to do is not asked: its dataset is an earlier one.
    """
    stages = stages_before_manifest(build)
    if any(stage.pending() for stage in stages):
        return
    dropped: Counter[tuple[Stage, Reason]] = Counter()
    for stage in stages:
        counts = stage.counts()
        rejected = sum(counts.rejected.values())
        if counts.seen != counts.forwarded + rejected:
            text = f"{counts.seen} items seen, but {counts.forwarded} forwarded and {rejected} rejected"
            yield Finding(file=f"work/{stage.name}", place="", text=text)
        dropped.update({(stage.label, reason): number for reason, number in counts.rejected.items()})
    lines = read_lines(build.dataset, "rejects.jsonl", Reject)
    listed = Counter((line.record.stage, line.record.reason) for line in lines if line.record is not None)
    for stage_name, reason in sorted(dropped.keys() | listed.keys()):
        if dropped[stage_name, reason] != listed[stage_name, reason]:
            text = (
                f"{listed[stage_name, reason]} items {reason} at stage {stage_name}, "
                f"the stage itself says {dropped[stage_name, reason]}"
            )
            yield Finding(file="rejects.jsonl", place="", text=text)


class RealsAtHand:
    """The bytes of some real images: out of a build's own store, or out of archives on this machine.

    Args:
        pairs: whose reals may be asked for.
        build: the build, if there is one.
        archives: folders, tars, zips or image files; looked through when the first image is asked for that the build
            does not have.
    """

    def __init__(self, pairs: Sequence[Pair], build: BuildFolder | None, archives: Sequence[Path]) -> None:
        self._wanted = {pair.image.sha256: pair.image.size for pair in pairs}
        self._build = build
        self._archives = archives
        self._blobs: dict[str, Blob] | None = None
        self._found: dict[str, Found] | None = None

    def __call__(self, real: SourceImage) -> bytes | None:
        """The bytes of an image as it came; None where they are not at hand.

        Raises:
            SourceError: an archive is missing or damaged.
        """
        if self._blobs is None:
            self._blobs = self._stored()
        if self._build is not None and real.sha256 in self._blobs:
            return RealsStage(self._build).store.read_blob(self._blobs[real.sha256])
        if self._found is None:
            self._found = {found.sha256: found for archive in self._archives for found in find(archive, self._wanted)}
        return read(self._found[real.sha256]) if real.sha256 in self._found else None

    def _stored(self) -> dict[str, Blob]:
        """Where the build keeps the wanted images, by sha256."""
        if self._build is None:
            return {}
        records = RealsStage(self._build).records(StoredImage)
        return {record.image.sha256: record.blob for record in records if record.image.sha256 in self._wanted}


def base_of(build: BuildFolder | None, base: Path | None) -> Path:
    """The folder that relative model paths start from: the one given, else the build's recipe's, else this one."""
    if base is not None:
        return base
    return Path(build.base) if build is not None else Path.cwd()
