"""The order in which a training sees what it learns from; images that stand alone go in couples of a real and a fake."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from classifier.contents import Singles
from classifier.shards import EncodedPair, Part, share_out
from manifests.errors import DatasetError
from manifests.records import LABELS
from manifests.seeds import seed

Item = TypeVar("Item")
Read = Callable[[Sequence[Part]], Iterable[EncodedPair]]


@dataclass(frozen=True)
class Draws:
    """What the draws of one reader in one epoch depend on.

    Attributes:
        seed: the training's.
        epoch: number of the epoch, from 0.
        reader: number of this reader, from 0.
        readers: how many there are.
        buffer: how many images are held to draw from.
    """

    seed: int
    epoch: int
    reader: int
    readers: int
    buffer: int

    def rng(self, *names: str | int) -> random.Random:
        """Numbers of this reader's own."""
        return random.Random(seed(*names, self.seed, self.epoch, self.reader))

    def common_rng(self, *names: str | int) -> random.Random:
        """Numbers that all readers draw alike."""
        return random.Random(seed(*names, self.seed, self.epoch))


def shuffled(items: Iterable[Item], size: int, rng: random.Random) -> Iterator[Item]:
    """The items, each drawn at random from a buffer of `size` of those read."""
    buffer: list[Item] = []
    for item in items:
        buffer.append(item)
        if len(buffer) >= size:
            yield _take(buffer, rng)
    while buffer:
        yield _take(buffer, rng)


def _take(buffer: list[Item], rng: random.Random) -> Item:
    """A random one; the last takes its place, so that taking costs the same from any buffer."""
    place = rng.randrange(len(buffer))
    buffer[place], buffer[-1] = buffer[-1], buffer[place]
    return buffer.pop()


def mixed(first: Iterable[Item], second: Iterable[Item], share: float, rng: random.Random) -> Iterator[Item]:
    """The items of both, in their orders; each is of the first with probability `share` until one is at its end."""
    sides = iter(first), iter(second)
    while True:
        side = sides[rng.random() >= share]
        for item in side:
            yield item
            break
        else:
            yield from sides[side is sides[0]]
            return


def couples(read: Read, singles: Singles, draws: Draws) -> Iterator[EncodedPair]:
    """One reader's couples of a real and a fake that stand alone.

    In an epoch every image of the larger class is met about once (exactly once by a single reader), those of the smaller
    one more often.

    Args:
        read: reads the images of some parts of shards.
        singles: where they lie, and how many there are.
        draws: which reader's, in which epoch.

    Raises:
        DatasetError: a shard is missing or damaged, or the shards hold no image of a label.
    """
    first, end = (singles.couples * number // draws.readers for number in (draws.reader, draws.reader + 1))
    reals, fakes = (_endless(read, singles, label, draws) for label in LABELS.values())
    for _ in range(end - first):
        real, fake = next(reals), next(fakes)
        yield EncodedPair(
            f"{real.pair_id}+{fake.pair_id}",
            {**real.members, **fake.members},
            real.view,
            real.source,
            real.class_label,
            ", ".join(dict.fromkeys((real.shard, fake.shard))),
            is_couple=True,
        )


def _endless(read: Read, singles: Singles, label: int, draws: Draws) -> Iterator[EncodedPair]:
    """The images of one label in this reader's share, again and again, in another order each time."""
    parts_of_all = [Part(shard) for shard in singles.shards[label]]
    lap = 0
    while True:
        shards = list(singles.shards[label])
        draws.common_rng("singles", label, lap).shuffle(shards)
        rng = draws.rng("singles", label, lap)
        images = 0
        for parts in (share_out(shards, draws.reader, draws.readers), parts_of_all):
            # a share of a few images may hold none of this label: then all are drawn from
            if images:
                break
            own = (image for image in read(parts) if image.lone_label == label)
            for image in shuffled(own, draws.buffer, rng):
                images += 1
                yield image
        if not images:
            raise DatasetError(
                f"{', '.join(singles.shards[label])}: no image of label {label}, but the manifest names some. "
                "Run twinset verify on the dataset."
            )
        lap += 1
