"""Pairs to look at: which ones are shown, and their images out of the shards."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from manifests.dataset import Dataset
from manifests.errors import DatasetError, RejectedItem
from manifests.records import Pair
from manifests.seeds import fraction
from manifests.shards import read_shard
from pages.images import data_uri

REAL = "real"


@dataclass(frozen=True)
class Picture:
    """One member of a pair: `real` or its generator's name, and its image as a `data:` URI."""

    member: str
    uri: str


@dataclass(frozen=True)
class Card:
    """One pair as it is shown: the real, the caption, the fakes."""

    pair: Pair
    real: Picture
    fakes: tuple[Picture, ...]


def choose(pairs: Iterable[Pair], views: Iterable[str], count: int) -> dict[str, list[Pair]]:
    """The `count` pairs of each view that are shown: those whose ids have the smallest hashes, in that order."""
    chosen: dict[str, list[tuple[float, str, Pair]]] = {view: [] for view in views}
    for pair in pairs:
        # a heap of the smallest hashes with the largest of them on top
        heap = chosen.setdefault(pair.frame.view, [])
        entry = (-fraction("contact sheet", pair.pair_id), pair.pair_id, pair)
        if len(heap) < count:
            heapq.heappush(heap, entry)
        elif entry[:2] > heap[0][:2]:
            heapq.heapreplace(heap, entry)
    return {view: [pair for _, _, pair in sorted(heap, reverse=True)] for view, heap in chosen.items()}


def cards(pairs: Iterable[Pair], images: Mapping[tuple[str, str], str]) -> list[Card]:
    """Cards of some pairs, given their images by (pair id, member)."""
    return [
        Card(
            pair=pair,
            real=Picture(REAL, images[pair.pair_id, REAL]),
            fakes=tuple(Picture(name, images[pair.pair_id, name]) for name in sorted(pair.fakes)),
        )
        for pair in pairs
    ]


def load_images(dataset: Dataset, pairs: Iterable[Pair]) -> dict[tuple[str, str], str]:
    """All members of some pairs as `data:` URIs by (pair id, member); only the shards that hold them are read.

    Raises:
        DatasetError: a shard is damaged, or lacks a pair that the manifest places in it.
    """
    wanted: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        wanted[pair.shard].add(pair.pair_id)
    found: dict[tuple[str, str], str] = {}
    for shard in sorted(wanted):
        missing = set(wanted[shard])
        name = f"shards/{shard}"
        with dataset.folder.open(name) as stream:
            for sample in read_shard(stream, name):
                if sample.key in missing:
                    missing.discard(sample.key)
                    found |= {(sample.key, member): _uri(sample.key, data) for member, data in sample.members.items()}
                if not missing:
                    break
        if missing:
            raise DatasetError(
                f"{dataset.root}/{name}: lacks the pair {min(missing)} that manifest.jsonl places there."
            )
    return found


def _uri(pair_id: str, data: bytes) -> str:
    try:
        return data_uri(data)
    except RejectedItem as error:
        raise DatasetError(f"pair {pair_id}: {error}.") from error
