"""A new dataset out of finished ones: some of their pairs, as they are, in the splits where they were."""

import contextlib
import hashlib
import itertools
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from manifests import canonical
from manifests.accounts import shard_name, used_tables, write_accounts_of, write_rejects
from manifests.chunks import slices
from manifests.dataset import Dataset, refuse_inside_dataset
from manifests.errors import DatasetError, first_complaint
from manifests.files import create_described
from manifests.header import Header, ShardInfo
from manifests.index import write_index
from manifests.journal import alone
from manifests.records import SPLITS, Pair, Reject, Split
from manifests.shards import Sample, Scalar, metadata, read_shard, write_shard
from manifests.storage import Folder
from manifests.storage_errors import explained_on_disk
from manifests.tables import write_provenance
from manifests.tombstones import Tombstones

_Place = tuple[Split, str]  # split and view

_UNFINISHED = ".partial-dataset"
"""A temporary file's name: whoever lists the folder does not see it."""


@dataclass(frozen=True)
class Part:
    """What is taken from one dataset.

    Attributes:
        dataset: where from.
        keep: a pair as it is taken (with fewer fakes, perhaps); None when it is not.
    """

    dataset: Dataset
    keep: Callable[[Pair], Pair | None]


def assemble(
    url: str, parts: Sequence[Part], header: Header, rejects: Iterable[Reject], tombstones: Tombstones
) -> Dataset:
    """Write a new dataset; its audit says `none`.

    Within a split and a view the pairs stand in the order of the parts.

    Args:
        url: an empty or new folder.
        parts: what is taken.
        header: the new header; its shards, views, generators and tables are filled in from what is taken.
        rejects: the new dataset's rejects.
        tombstones: its tombstones.

    Raises:
        DatasetError: the folder is not empty or lies inside a dataset, nothing is left, or a part is damaged. Nothing
            stays behind, and what a run that was killed left behind is written again.
    """
    _check_name(header)
    refuse_inside_dataset(url)
    folder = Folder.at(url)
    with explained_on_disk(folder):
        folder.fs.makedirs(folder.root, exist_ok=True)
    with alone(folder):
        _make_room(folder)
        try:
            with contextlib.ExitStack() as stack:
                _write(folder, parts, header, _Taken(stack, parts))
            write_rejects(folder, rejects)
            if len(tombstones):
                tombstones.write(folder)
            write_provenance(folder, _provenance(parts))
            dataset = Dataset.open(url)
            write_index(folder, "none", dataset.record_counts())
            folder.remove(_UNFINISHED)
        except BaseException:
            folder.remove_all()
            raise
    return dataset


def _make_room(folder: Folder) -> None:
    """Mark a folder as one that is being written; what a run that was killed has left in it goes."""
    if folder.size(_UNFINISHED) is not None and folder.size("index.json") is None:
        for name in folder.files():
            folder.remove(name)
        folder.sweep()
    if folder.files():
        raise DatasetError(f"{folder}: not empty. Choose an empty or new folder for --out.")
    folder.write(_UNFINISHED, b"")


def _check_name(header: Header) -> None:
    try:
        Header.model_validate(header.model_dump())
    except ValidationError as error:
        raise DatasetError(f"a dataset called {header.name!r}: {first_complaint(error)}.") from error


class _Taken:
    """The pairs that are taken, on this machine's disk, by split and view: a manifest may not fit into memory.

    Raises:
        DatasetError: there are none.
    """

    def __init__(self, stack: contextlib.ExitStack, parts: Sequence[Part]) -> None:
        self.counts: Counter[_Place] = Counter()
        self._spools: dict[_Place, IO[bytes]] = {}
        for part in parts:
            for pair in part.dataset.pairs():
                kept = part.keep(pair)
                if kept is not None:
                    place = (kept.split, kept.frame.view)
                    if place not in self._spools:
                        spool = tempfile.TemporaryFile()  # noqa: SIM115 - the stack closes it
                        self._spools[place] = stack.enter_context(spool)
                    self._spools[place].write(canonical.dumps(kept) + b"\n")
                    self.counts[place] += 1
        if not self.counts:
            raise DatasetError("no pair is left: nothing would be in the new dataset. Ask for more.")

    def pairs(self, place: _Place) -> Iterator[Pair]:
        """The pairs of one split and view, in the order of the parts; to be read through before it is asked again."""
        if place in self._spools:
            self._spools[place].seek(0)
            yield from (Pair.model_validate_json(line) for line in self._spools[place])


def _write(folder: Folder, parts: Sequence[Part], header: Header, taken: _Taken) -> None:
    views = [view for view in header.views if any(place[1] == view for place in taken.counts)]
    places: list[_Place] = [(split, view) for split in SPLITS for view in views if taken.counts[split, view]]

    def named() -> Iterator[Pair]:
        for place in places:
            for number, batch in enumerate(slices(taken.pairs(place), header.pairs_per_shard)):
                name = shard_name(*place, number, views=len(views))
                yield from (pair.model_copy(update={"shard": name}) for pair in batch)

    shards, digests = [], {}
    for place in places:
        members = {pair.pair_id: (_digests(pair), metadata(pair)) for pair in taken.pairs(place)}
        samples = _samples(parts, members, place)
        for number, batch in enumerate(slices(taken.pairs(place), header.pairs_per_shard)):
            name = shard_name(*place, number, views=len(views))
            with create_described(folder, f"shards/{name}") as stream:
                write_shard(stream, itertools.islice(samples, len(batch)))
            shards.append(ShardInfo(name=name, split=place[0], view=place[1], pairs=len(batch)))
            digests[stream.file.name] = stream.file.sha256
    used = {generator for pair in named() for generator in pair.fakes}
    complete = header.model_copy(
        update={
            "shards": shards,
            "views": views,
            "generators": [name for name in header.generators if name in used],
            "jpeg_tables": used_tables(header, named()),
        }
    )
    write_accounts_of(folder, complete, named, digests)


def _digests(pair: Pair) -> dict[str, bytes]:
    return {name: bytes.fromhex(member.sha256) for name, member in pair.members.items()}


def _samples(
    parts: Sequence[Part], wanted: dict[str, tuple[dict[str, bytes], dict[str, Scalar]]], place: _Place
) -> Iterator[Sample]:
    """The samples of the wanted pairs of one split and view, with no more members than the pairs have."""
    for part in parts:
        for sample in _stored(part.dataset, place):
            if sample.key in wanted:
                digests, fields = wanted.pop(sample.key)
                for name, digest in digests.items():
                    if hashlib.sha256(sample.members.get(name, b"")).digest() != digest:
                        raise DatasetError(
                            f"{part.dataset.folder}: the {name} of {sample.key} in its shard is missing, or not the "
                            "manifest's. Build or fetch this dataset again."
                        )
                yield Sample(sample.key, {name: sample.members[name] for name in digests}, fields)
    if wanted:
        raise DatasetError(f"pair {next(iter(wanted))} is in no shard. Build or fetch its dataset again.")


def _stored(dataset: Dataset, place: _Place) -> Iterator[Sample]:
    for shard in dataset.header.shards:
        if (shard.split, shard.view) == place:
            with dataset.open_file(f"shards/{shard.name}") as stream:
                yield from read_shard(stream, f"{dataset.folder}/shards/{shard.name}")


def _provenance(parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    """What the parts say of when they were made, as far as they do."""
    for part in parts:
        folder = part.dataset.folder
        if folder.size("provenance.parquet") is not None:
            try:
                with folder.open("provenance.parquet") as stream:
                    yield from pq.read_table(stream).to_pylist()
            except pa.ArrowException as error:
                raise DatasetError(f"{folder}/provenance.parquet: damaged ({error}). Fetch it again.") from error
