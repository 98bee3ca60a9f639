"""The verification of a dataset: every file, line and member, and what they say of one another."""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.header import Header
from manifests.index import Index
from manifests.journal import settle
from manifests.records import Pair
from manifests.storage import Folder
from manifests.tombstones import TOMBSTONES
from manifests.verify.accounts import (
    REJECTS,
    Attribution,
    check_complete,
    check_croissant,
    check_rejects,
    check_table,
    load_tombstones,
    taken_down,
)
from manifests.verify.files import check_file, check_index, check_presence
from manifests.verify.findings import Finding
from manifests.verify.lines import read_lines
from manifests.verify.pairs import MANIFEST, PairChecks
from manifests.verify.shards import ShardTask, check_shard
from manifests.verify.splits import SplitChecks, split_config

_WORKERS = min(8, os.cpu_count() or 1)
_WAITING = 2
"""Shards that wait for a worker, each with its pairs in memory, for each that is being read."""


def find_dataset(url: str) -> Folder:
    """The folder of a dataset, or of the dataset in a build's folder; unlike `Dataset.open`, whatever its manifest says.

    Raises:
        DatasetError: there is no manifest.
    """
    folder = Folder.at(url)
    for candidate in (folder, folder.child("dataset")):
        if candidate.size(MANIFEST) is not None:
            if candidate.is_local:
                settle(candidate)
            return candidate
    raise DatasetError(f"{url}: no dataset here ({MANIFEST} is missing). Give the folder of a finished build.")


@dataclass
class Verification:
    """One verification; nothing is read until `findings` is asked.

    Attributes:
        folder: the dataset.
        on_file: called with the size in bytes of each file that has been read through, from the thread that asks.
        counts: how many files, bytes, pairs, images, groups, shards and rejects have been checked so far.
    """

    folder: Folder
    on_file: Callable[[int], None] = lambda _size: None
    counts: Counter[str] = field(default_factory=Counter)

    def findings(self) -> Iterator[Finding]:
        """All that is wrong, as it is found. Memory: the pairs of a few shards, and the names of all."""
        index, found = check_index(self.folder)
        yield from found
        present = set(self.folder.files())
        if index is not None:
            yield from check_presence(index, present)
        header, found = self._header()
        shards = {f"shards/{shard.name}" for shard in header.shards} if header is not None else set()
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="verify") as pool:
            work = _Work(pool, self)
            yield from work.files(index, present - shards)
            yield from found
            if header is not None:
                yield from self._contents(header, index, work)
            yield from work.rest()

    def _header(self) -> tuple[Header | None, list[Finding]]:
        try:
            return Dataset.open(str(self.folder)).header, []
        except DatasetError as error:
            text = str(error).removeprefix(f"{self.folder}/{MANIFEST}").removeprefix(", line 1").removeprefix(": ")
            return None, [Finding(file=MANIFEST, place="line 1", text=text)]

    def _contents(self, header: Header, index: Index | None, work: "_Work") -> Iterator[Finding]:
        tombstones, found = load_tombstones(self.folder)
        yield from found
        config, found = split_config(header)
        yield from found
        pairs, splits, attribution = PairChecks(header), SplitChecks(config, header.salt), Attribution(header)
        batches = _Shards(header, index)
        for line in read_lines(self.folder, MANIFEST, Pair, first=2):
            self.counts["pairs"] += 1
            yield from line.findings
            pair = line.record
            if pair is None:
                batches.complete = False
                continue
            self.counts["images"] += len(pair.members)
            yield from pairs.check(pair, line.number)
            yield from splits.check(pair, line.number)
            for image in pair.images:
                yield from attribution.check(image, line.number)
            yield from taken_down(tombstones, pair, line.number)
            for task in batches.add(pair):
                yield from work.shard(task)
        for task in batches.rest():
            yield from work.shard(task)
        yield from work.rest()
        yield from batches.findings()
        yield from check_rejects(self.folder, pairs.pair_ids | pairs.keys, self.counts)
        yield from attribution.check_list(self.folder)
        yield from check_table(self.folder)
        yield from check_complete(self.folder, tombstones)
        self.counts.update(groups=splits.groups, shards=len(header.shards), reals=pairs.reals)
        if index is not None:
            yield from check_croissant(self.folder, index)
            yield from self._index_counts(header, index, len(tombstones))

    def _index_counts(self, header: Header, index: Index, tombstones: int) -> Iterator[Finding]:
        expected = {f"shards/{shard.name}": shard.pairs for shard in header.shards}
        expected |= {MANIFEST: 1 + self.counts["pairs"], REJECTS: self.counts["rejects"], TOMBSTONES: tombstones}
        for name, count in expected.items():
            if name in index.files and index.files[name].count != count:
                text = f"count: {index.files[name].count}, expected {count}"
                yield Finding(file="index.json", place=name, text=text)


class _Shards:
    """Cuts the manifest's pairs into shards: all pairs of a shard stand together."""

    def __init__(self, header: Header, index: Index | None) -> None:
        self._header = header
        self._index = index
        self._pairs: list[Pair] = []
        self._done: Counter[str] = Counter()
        self.complete = True

    def add(self, pair: Pair) -> Iterator[ShardTask]:
        """One more pair; gives the shard before it when that is at its end."""
        if self._pairs and self._pairs[0].shard != pair.shard:
            yield self._task(self._pairs[0].shard)
        self._pairs.append(pair)

    def rest(self) -> Iterator[ShardTask]:
        """The last shard, and those that no pair named."""
        if self._pairs:
            yield self._task(self._pairs[0].shard)
        for shard in self._header.shards:
            if shard.name not in self._done:
                yield self._task(shard.name)

    def findings(self) -> Iterator[Finding]:
        """Whether the header's counts hold; not asked where lines are damaged."""
        for shard in self._header.shards:
            if self.complete and self._done[shard.name] != shard.pairs:
                text = f"{self._done[shard.name]} pairs in the manifest, its header says {shard.pairs}"
                yield Finding(file=MANIFEST, place=shard.name, text=text)

    def _task(self, name: str) -> ShardTask:
        pairs, self._pairs = self._pairs, []
        self._done[name] += len(pairs)
        recorded = self._index.files.get(f"shards/{name}") if self._index is not None else None
        return ShardTask(name, pairs, self.complete, recorded)


class _Work:
    """What is read in threads: a bounded number of files at a time, results in order."""

    def __init__(self, pool: ThreadPoolExecutor, verification: Verification) -> None:
        self._pool = pool
        self._verification = verification
        self._pending: deque[tuple[str, Future[list[Finding]]]] = deque()

    def files(self, index: Index | None, names: Iterable[str]) -> Iterator[Finding]:
        """Digests of files; those that no index names are not read."""
        for name in sorted(names):
            recorded = index.files.get(name) if index is not None else None
            if recorded is not None:
                yield from self._add(name, check_file, self._verification.folder, name, recorded)
        yield from self.rest()

    def shard(self, task: ShardTask) -> Iterator[Finding]:
        """One shard with all that it holds."""
        yield from self._add(task.file, check_shard, self._verification.folder, task)

    def rest(self) -> Iterator[Finding]:
        """What is still being read."""
        while self._pending:
            yield from self._next()

    def _add(self, name: str, check: Callable[..., list[Finding]], *args: object) -> Iterator[Finding]:
        self._pending.append((name, self._pool.submit(check, *args)))
        if len(self._pending) > _WORKERS * _WAITING:
            yield from self._next()

    def _next(self) -> Iterator[Finding]:
        name, future = self._pending.popleft()
        yield from future.result()
        size = self._verification.folder.size(name) or 0
        self._verification.counts.update(files=1, bytes=size)
        self._verification.on_file(size)
