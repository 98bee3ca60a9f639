"""A dataset's images with their manifest lines, shard by shard; every byte is checked against the manifest."""

import hashlib
import itertools
from collections.abc import Iterator
from typing import TypeAlias

from flows.exporting.rows import ImageRow, row_of
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.records import Pair
from manifests.shards import Sample, read_shard

ShardImages: TypeAlias = Iterator[tuple[ImageRow, bytes]]


def by_shard(dataset: Dataset) -> Iterator[tuple[str, list[Pair]]]:
    """The name of each shard without `.tar`, and its pairs, in the manifest's order."""
    for shard, pairs in itertools.groupby(dataset.pairs(), key=lambda pair: pair.shard):
        yield shard.removesuffix(".tar"), list(pairs)


def images_of_shard(dataset: Dataset, shard: str, pairs: list[Pair]) -> ShardImages:
    """The images of one shard, a pair's real first.

    Raises:
        DatasetError: the shard is missing or damaged, or not what the manifest says.
    """
    name = f"shards/{shard}.tar"
    place = f"{dataset.folder}/{name}"
    with dataset.open_file(name) as stream:
        samples = read_shard(stream, place)
        for pair, sample in itertools.zip_longest(pairs, samples):
            if pair is None or sample is None or sample.key != pair.pair_id:
                found = "the end" if sample is None else sample.key
                raise DatasetError(f"{place}: {found} is not where the manifest says. Run twinset verify on it.")
            yield from _members(pair, sample, place)


def _members(pair: Pair, sample: Sample, place: str) -> ShardImages:
    for member in sorted(pair.members, key=lambda name: (name != "real", name)):
        data = sample.members.get(member)
        if data is None or hashlib.sha256(data).hexdigest() != pair.members[member].sha256:
            raise DatasetError(
                f"{place}: {pair.pair_id}.{member} is not what the manifest says. Run twinset verify on it."
            )
        yield row_of(pair, member), data
