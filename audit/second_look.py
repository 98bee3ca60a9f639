"""Some pairs decoded whole, in one pass over the shards: what match quality and the re-captions look at."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from manifests.dataset import Dataset
from manifests.errors import DatasetError, RejectedItem
from manifests.seeds import fraction
from manifests.shards import Sample
from pixels.arrays import Pixels
from pixels.decode import decode


@dataclass(frozen=True)
class Look:
    """One pair as it is stored.

    Attributes:
        pair: its id.
        view: its view.
        caption: the pair's caption; empty where it has none.
        members: images by name (`real`, and each generator), shape (height, width, 3), uint8 sRGB.
    """

    pair: str
    view: str
    caption: str
    members: Mapping[str, Pixels]


@dataclass(frozen=True)
class Wish:
    """Who looks, and at how many pairs.

    Attributes:
        shares: the share of each view's pairs that is looked at.
        take: called with each of them.
    """

    shares: Mapping[str, float]
    take: Callable[[Look], None]


def share_of_all(dataset: Dataset, most: int) -> dict[str, float]:
    """The shares that make about `most` pairs of the whole dataset."""
    pairs = sum(shard.pairs for shard in dataset.header.shards)
    return {shard.view: most / max(pairs, 1) for shard in dataset.header.shards}


def share_of_each_view(dataset: Dataset, most: int) -> dict[str, float]:
    """The shares that make about `most` pairs of each view."""
    pairs = {shard.view: 0 for shard in dataset.header.shards}
    for shard in dataset.header.shards:
        pairs[shard.view] += shard.pairs
    return {view: most / max(count, 1) for view, count in pairs.items()}


def second_look(dataset: Dataset, seed: int, wishes: Sequence[Wish]) -> None:
    """Read the shards once, and give each wish its pairs: those of the smallest hashes of their ids.

    Raises:
        DatasetError: a shard or a member cannot be read.
    """
    if not any(share > 0 for wish in wishes for share in wish.shares.values()):
        return
    for sample in dataset.samples():
        takers = list(_takers(sample, seed, wishes))
        if takers:
            look = _look(sample)
            for wish in takers:
                wish.take(look)


def _takers(sample: Sample, seed: int, wishes: Sequence[Wish]) -> Iterator[Wish]:
    place = fraction("audit", seed, sample.key)
    view = str(sample.metadata["view"])
    return (wish for wish in wishes if place < wish.shares.get(view, 0))


def _look(sample: Sample) -> Look:
    try:
        members = {name: decode(data) for name, data in sample.members.items()}
    except RejectedItem as error:
        raise DatasetError(f"pair {sample.key}: {error}.") from error
    caption = str(sample.metadata.get("caption", ""))
    return Look(sample.key, str(sample.metadata["view"]), caption, members)
