"""Which of a source's images its limits keep, decided while the source is read as a stream."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter

from manifests.seeds import seed
from sources.base import Listing, SourceSettings

_Ranked = tuple[int, int, Listing]  # hash, position in the source (unique: listings are never compared), listing


def own_name(listing: Listing) -> str:
    """What an image is chosen by: each by itself."""
    return listing.source_id


def name_of_pair(listing: Listing) -> str:
    """What an image is chosen by where a pair is taken or left as a whole; the last one may be cut by a limit."""
    return listing.pair or listing.source_id


def choose(
    listings: Iterable[Listing], settings: SourceSettings, key: Callable[[Listing], str] = own_name
) -> Iterator[Listing]:
    """The listings that the limits keep, in the order of the source.

    By hash, the choice depends on source ids alone: neither on the order of the source nor on the recipe's name or salt.
    Class limits are applied first, the whole limit to what they leave. Memory is proportional to what is kept.

    Args:
        listings: all that the source has; read once.
        settings: `limit`, `limit_per_class` and `order` are used.
        key: what the hash is taken of.
    """
    if settings.limit is None and settings.limit_per_class is None:
        yield from listings
    elif settings.order == "source":
        yield from _first(listings, settings)
    else:
        yield from _smallest_hashes(listings, settings, key)


def _first(listings: Iterable[Listing], settings: SourceSettings) -> Iterator[Listing]:
    kept: Counter[str] = Counter()
    for listing in listings:
        if settings.limit_per_class is not None and kept[listing.class_label] >= settings.limit_per_class:
            continue
        kept[listing.class_label] += 1
        yield listing
        if settings.limit is not None and kept.total() >= settings.limit:
            return


def _smallest_hashes(
    listings: Iterable[Listing], settings: SourceSettings, key: Callable[[Listing], str]
) -> Iterator[Listing]:
    ranked: Iterable[_Ranked] = (
        (seed("source", key(listing)), position, listing) for position, listing in enumerate(listings)
    )
    if settings.limit_per_class is not None:
        ranked = _smallest_of_each_class(ranked, settings.limit_per_class)
    if settings.limit is not None:
        ranked = heapq.nsmallest(settings.limit, ranked)
    for _, _, listing in sorted(ranked, key=itemgetter(1)):
        yield listing


def _smallest_of_each_class(ranked: Iterable[_Ranked], count: int) -> Iterator[_Ranked]:
    heaps: defaultdict[str, list[_Ranked]] = defaultdict(list)  # negated: the largest that is kept comes first
    for rank, position, listing in ranked:
        heap = heaps[listing.class_label]
        if len(heap) < count:
            heapq.heappush(heap, (-rank, -position, listing))
        else:
            heapq.heappushpop(heap, (-rank, -position, listing))
    for heap in heaps.values():
        for rank, position, listing in heap:
            yield -rank, -position, listing
