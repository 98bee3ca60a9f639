"""A shard against the index, its header entry and its pairs: digests of all members, order, and each sample's JSON."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, cast

from manifests.errors import DatasetError
from manifests.index import IndexedFile
from manifests.records import Pair
from manifests.shards import Sample, metadata, read_shard
from manifests.storage import Folder
from manifests.verify.files import HashedStream
from manifests.verify.findings import Finding


@dataclass(frozen=True)
class ShardTask:
    """One shard to check.

    Attributes:
        name: file name under `shards/`.
        pairs: those that the manifest places here, in its order.
        complete: whether these are all: not so where a line of the manifest is damaged.
        recorded: what the index says of it; None where it says nothing.
    """

    name: str
    pairs: Sequence[Pair]
    complete: bool
    recorded: IndexedFile | None

    @property
    def file(self) -> str:
        """Relative path inside the dataset."""
        return f"shards/{self.name}"


def check_shard(folder: Folder, task: ShardTask) -> list[Finding]:
    """Read a shard once, front to back, and compare all that it holds."""
    try:
        with folder.open(task.file) as stream:
            hashed = HashedStream(stream)
            findings = list(_contents(hashed, task))
            hashed.drain()
    except FileNotFoundError:
        return [Finding(file=task.file, place="", text=f"missing; the manifest places {len(task.pairs)} pairs there")]
    return findings if task.recorded is None else hashed.compare(task.file, task.recorded) + findings


def _contents(stream: HashedStream, task: ShardTask) -> Iterator[Finding]:
    expected = {pair.pair_id: pair for pair in task.pairs}
    found: list[str] = []
    try:
        for sample in read_shard(cast("IO[bytes]", stream), task.file):
            found.append(sample.key)
            pair = expected.get(sample.key)
            if pair is not None:
                yield from _sample(task.file, sample, pair)
            elif task.complete:
                yield Finding(file=task.file, place=sample.key, text="the manifest places no such pair here")
    except DatasetError as error:
        text = str(error).removeprefix(f"{task.file}: ")
        yield Finding(file=task.file, place=f"after {found[-1]}" if found else "", text=text)
        return
    for pair_id in expected.keys() - set(found):
        yield Finding(file=task.file, place=pair_id, text="missing; the manifest places it here")
    if task.complete and set(found) == set(expected) and found != list(expected):
        yield Finding(file=task.file, place="", text="its pairs are not in the manifest's order")


def _sample(file: str, sample: Sample, pair: Pair) -> Iterator[Finding]:
    if dict(sample.metadata) != metadata(pair):
        wanted = metadata(pair)
        names = sorted({*wanted, *sample.metadata})
        wrong = [name for name in names if wanted.get(name) != sample.metadata.get(name)]
        text = f"{', '.join(wrong)}: not as the manifest says"
        yield Finding(file=file, place=f"{sample.key}.json", text=text)
    for name in sorted({*pair.members, *sample.members}):
        place = f"{sample.key}.{name}"
        if name not in sample.members:
            yield Finding(file=file, place=place, text="missing; the manifest lists this member")
        elif name not in pair.members:
            yield Finding(file=file, place=place, text="the manifest lists no such member")
        elif hashlib.sha256(sample.members[name]).hexdigest() != pair.members[name].sha256:
            yield Finding(file=file, place=place, text=f"its sha256 is not the manifest's {pair.members[name].sha256}")
        elif len(sample.members[name]) != pair.members[name].size:
            text = f"{len(sample.members[name])} bytes, the manifest says {pair.members[name].size}"
            yield Finding(file=file, place=place, text=text)
