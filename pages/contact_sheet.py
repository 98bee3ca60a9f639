"""Pairs to look at: which ones are shown, and their images out of the shards."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from manifests.dataset import Dataset
from manifests.errors import DatasetError, RejectedItem
from manifests.records import IMAGE, REAL, Pair
from manifests.seeds import fraction
from manifests.shards import read_shard
from pages.images import data_uri


@dataclass(frozen=True)
class Picture:
    """One member of a pair: `real` or its generator's name, and its image as a `data:` URI."""

    member: str
    uri: str


@dataclass(frozen=True)
class Card:
    """One pair as it is shown: the real, the caption, the fakes; or an image that stands alone, as one or the other."""

    pair: Pair
    real: Picture | None
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
    found = []
    for pair in pairs:
        pictures = [Picture(name, images[pair.pair_id, name]) for name in _names(pair)]
        reals = [picture for picture in pictures if picture.member == REAL]
        fakes = tuple(picture for picture in pictures if picture.member != REAL)
        found.append(Card(pair, reals[0] if reals else None, fakes))
    return found


def _names(pair: Pair) -> list[str]:
    """What a pair's members are called here: an image that stands alone by its generator, or `real`."""
    return [pair.generator or REAL] if pair.is_single else [REAL, *sorted(pair.fakes)]


def load_images(dataset: Dataset, pairs: Iterable[Pair]) -> dict[tuple[str, str], str]:
    """All members of some pairs as `data:` URIs by (pair id, member); only the shards that hold them are read.

    The member of an image that stands alone is its generator, or `real`.

    Raises:
        DatasetError: a shard is damaged, or lacks a pair that the manifest places in it.
    """
    wanted: dict[str, dict[str, Pair]] = defaultdict(dict)
    for pair in pairs:
        wanted[pair.shard][pair.pair_id] = pair
    found: dict[tuple[str, str], str] = {}
    for shard in sorted(wanted):
        missing = set(wanted[shard])
        name = f"shards/{shard}"
        with dataset.folder.open(name) as stream:
            for sample in read_shard(stream, name):
                if sample.key in missing:
                    missing.discard(sample.key)
                    alone = _names(wanted[shard][sample.key])[0]
                    for member, data in sample.members.items():
                        found[sample.key, alone if member == IMAGE else member] = _uri(sample.key, data)
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
